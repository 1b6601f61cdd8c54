#include "runtime/team.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "runtime/spin.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace chainrule {
namespace {

std::atomic<bool> forked{false};

// What OpenMP would use before anybody called omp_set_num_threads (threadpoolctl does).
const int openmp_at_start = omp_get_max_threads();

#if defined(__linux__)
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });

int affinity_count() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : omp_get_num_procs();
}

// quota / period of a control group, rounded up; 0 if there is no limit.
int read_cgroup_count() {
    long long quota = -1, period = 0;
    if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {  // version 2: "max 100000" or "150000 100000"
        char text[32] = "";
        if (std::fscanf(f, "%31s %lld", text, &period) == 2 && std::strcmp(text, "max") != 0) quota = std::atoll(text);
        std::fclose(f);
    } else {  // version 1
        if (std::FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) {
            if (std::fscanf(q, "%lld", &quota) != 1) quota = -1;
            std::fclose(q);
        }
        if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r")) {
            if (std::fscanf(p, "%lld", &period) != 1) period = 0;
            std::fclose(p);
        }
    }
    return quota > 0 && period > 0 ? int(std::max(1LL, (quota + period - 1) / period)) : 0;
}

// Opening the file takes longer than many a call; a limit changed meanwhile is seen within a second.
int cgroup_count() {
    using namespace std::chrono;
    static std::atomic<long long> read_at{-1};
    static std::atomic<int> count{0};
    const long long now = duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
    if (read_at.load() < 0 || now - read_at.load() > 1000) {
        count.store(read_cgroup_count());
        read_at.store(now);
    }
    return count.load();
}
#else
int affinity_count() { return omp_get_num_procs(); }
int cgroup_count() { return 0; }
#endif

bool oversubscribe() {
    const char* text = std::getenv("CHAINRULE_OVERSUBSCRIBE");
    return text && std::strcmp(text, "1") == 0;
}

}  // namespace

int usable_processors() {
    const int affinity = affinity_count(), group = cgroup_count();
    return std::max(1, group > 0 ? std::min(affinity, group) : affinity);
}

int default_threads() {
    int n = usable_processors();
    const int openmp = omp_get_max_threads();
    if (const char* text = std::getenv("OMP_NUM_THREADS")) {
        const int wanted = std::atoi(text);
        if (wanted > 0) n = wanted;
        if (openmp != openmp_at_start) n = std::min(n, openmp);
    } else {
        n = std::min(n, openmp);
    }
    return std::max(1, n);
}

int resolve_threads(int n_threads) {
    if (omp_in_parallel()) return 1;
    if (n_threads == 1) return 1;
    const int n = n_threads > 0 ? n_threads : default_threads();
    return std::max(1, oversubscribe() ? std::min(n, 256) : std::min(n, usable_processors()));
}

int resolve_threads(int n_threads, double work, double least) {
    const double deserved = work / least;
    if (n_threads == 1 || (deserved < 2 && !oversubscribe())) return 1;
    const int n = resolve_threads(n_threads);
    return oversubscribe() || deserved >= n ? n : int(deserved);
}

bool in_forked_child() { return forked.load(std::memory_order_relaxed); }

int possible_members(int n) {
    thread_local int proven = 1;  // OpenMP keeps a team of threads for each thread that opens regions
    if (n <= proven) return n;
    std::atomic<bool> all_there{false};
    std::vector<std::thread> others;
    try {
        others.reserve(static_cast<std::size_t>(n));
        while (int(others.size()) < n) others.emplace_back([&] { all_there.wait(false); });
    } catch (const std::exception&) {  // no more threads, or no memory for one
    }
    all_there.store(true);
    all_there.notify_all();
    for (std::thread& other : others) other.join();
    // One that only just could be had may be gone when OpenMP asks: leave room.
    const int had = int(others.size());
    proven = std::max(proven, had == n ? n : std::max(1, had - 1));
    return std::min(n, proven);
}

// None where threads outnumber processors, as then the awaited one may not run.
Barrier::Barrier(int members)
    : members_(members), spins_(members > 1 && members > usable_processors() ? 0 : most_spins) {}

void Barrier::wait_for(unsigned turn) {
    for (int i = 0; i < spins_; ++i) {
        if (turn_.load(std::memory_order_acquire) != turn) return;
        relax();
    }
    sleepers_.fetch_add(1);
    while (turn_.load() == turn) turn_.wait(turn);
    sleepers_.fetch_sub(1);
}

void Barrier::wake() {
    // The fence orders the store to turn_ before the look at sleepers_: a sleeper either is seen or sees the turn.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleepers_.load() > 0) turn_.notify_all();
}

}  // namespace chainrule
