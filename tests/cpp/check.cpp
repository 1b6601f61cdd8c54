#include "check.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace tests {
namespace {

constexpr long most_messages = 5;                                                  // of a group
constexpr std::uint64_t offset_basis = 0xcbf29ce484222325, prime = 0x100000001b3;  // FNV-1a

struct Group {
    std::string name;
    long cases = 0, failures = 0;
    std::uint64_t digest = offset_basis;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
} group;

char case_name[256] = "";
long all_failures = 0;

void end_group() {
    if (group.name.empty()) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - group.start;
    std::printf("%-32s %6ld cases  answers %016llx  %6.2f s%s\n", group.name.c_str(), group.cases,
                static_cast<unsigned long long>(group.digest), took.count(), group.failures ? "  FAILED" : "");
    std::fflush(stdout);
    all_failures += group.failures;
    group = {};
}

// A guard page was touched: says in which case, and ends as it would have ended.
void say_where(int signal) {
    const char* const texts[] = {group.name.c_str(), ", ", case_name, ": touched memory that is not an array's\n"};
    for (const char* text : texts) (void)!write(STDOUT_FILENO, text, std::strlen(text));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

}  // namespace

void name_the_case_of_a_crash() {
    std::signal(SIGSEGV, say_where);
    std::signal(SIGBUS, say_where);
}

void begin_group(const std::string& name) {
    end_group();
    group.name = name;
}

void begin_case(const char* format, ...) {
    ++group.cases;
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(case_name, sizeof case_name, format, arguments);
    va_end(arguments);
}

void fail(const std::string& what) {
    if (++group.failures <= most_messages) {
        std::printf("%s, %s: %s\n", group.name.c_str(), case_name, what.c_str());
        std::fflush(stdout);
    }
}

void expect(bool condition, const char* what) {
    if (!condition) fail(what);
}

void fail_far(const char* what, std::ptrdiff_t i, std::ptrdiff_t j, long double got, const Real& want) {
    char text[256];
    std::snprintf(text, sizeof text, "%s[%td, %td] is %.17Lg, not %.17Lg (%.3Lg of its terms)", what, i, j, got,
                  want.value, (got - want.value) / want.size);
    fail(text);
}

int end_groups() {
    end_group();
    return all_failures ? 1 : 0;
}

void add_bits(const void* bytes, std::size_t count) {
    const auto* p = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < count; ++i) group.digest = (group.digest ^ p[i]) * prime;
}

}  // namespace tests
