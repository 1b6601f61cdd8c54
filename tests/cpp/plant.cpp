#include "plant.hpp"

#include <cstdio>
#include <limits>
#include <vector>

#include "guarded.hpp"
#include "runtime/team.hpp"

namespace tests {
namespace {

// Volatile, so that no compiler sees what is wrong.
int overflow() {
    volatile int most = std::numeric_limits<int>::max();
    volatile int more = most + 1;
    return more;
}

int shift() {
    volatile int by = 40;
    volatile int shifted = 1 << by;
    return shifted;
}

int beyond_the_end() {
    std::vector<int> four(4);
    volatile std::size_t i = 4;
    return four.data()[i];
}

int beyond_the_guard() {
    const Guarded<float> eight(8, End::rear, 1.0f);
    volatile std::ptrdiff_t i = 8;
    return int(eight.data()[i]);
}

int uninitialised() {
    const std::vector<int>* const freed = new std::vector<int>(4);
    int* const four = static_cast<int*>(::operator new(4 * sizeof(int)));
    delete freed;
    volatile int i = 2;
    const int result = four[i] > 0 ? 1 : 2;  // a branch on what nobody wrote
    ::operator delete(four);
    return result;
}

int race() {
    int sum = 0;
    chainrule::run_team(2, [&](int, int, chainrule::Barrier&) {
        for (int i = 0; i < 1000; ++i) sum += i;
    });
    return sum;
}

}  // namespace

int plant(const std::string& fault) {
    const struct {
        const char* name;
        int (*make)();
    } faults[] = {{"overflow", overflow},
                  {"shift", shift},
                  {"beyond-the-end", beyond_the_end},
                  {"beyond-the-guard", beyond_the_guard},
                  {"uninitialised", uninitialised},
                  {"race", race}};
    for (const auto& one : faults)
        if (fault == one.name) {
            std::printf("planted: %s, which came to %d\n", one.name, one.make());
            return 0;
        }
    std::printf("%s: no such fault\n", fault.c_str());
    return 2;
}

}  // namespace tests
