// A team of threads for the length of a call, and the barrier it meets at.
#pragma once

#include <omp.h>

#include <atomic>
#include <optional>
#include <thread>

#include "runtime/fpu.hpp"

namespace chainrule {

// Threads that a call uses when the user names none: OMP_NUM_THREADS if set, else the least of what OpenMP, the
// processor affinity and the control group allow. Read anew at each call.
int default_threads();

// Processors this process may use (affinity and control group).
int usable_processors();

// What a request for n_threads (0: the default) comes to: at most the usable processors, unless
// CHAINRULE_OVERSUBSCRIBE=1 (for tests), and 1 inside another parallel region.
int resolve_threads(int n_threads);

// As above where the work deserves it: `work` in multiply-adds, at least `least` for each thread. Whether two threads gain
// by a training step depends on how fast lines travel between the cores, so short ones are left to TeamChoice, which
// measures: 0.4 million multiply-adds (8-64-64-1, batch 32) take 4.7 microseconds instead of 5.9 on one machine and 14
// instead of 10 on another. A single call needs more work, as its threads may be asleep.
constexpr double work_of_a_step = 2e5, work_of_a_call = 1.5e6;
int resolve_threads(int n_threads, double work, double least);

// Before a team of n: how many of them can be had. libgomp ends the process when it cannot create a thread, so the first
// larger team of a calling thread is tried with threads of our own, which only fail.
int possible_members(int n);

// All members call wait(); it returns when the last one has. Spins for a bounded time, then sleeps.
class Barrier {
public:
    explicit Barrier(int members);
    void wait() {
        if (members_ == 1) return;
        const unsigned turn = turn_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
            arrived_.store(0, std::memory_order_relaxed);
            turn_.store(turn + 1, std::memory_order_release);
            wake();
        } else {
            wait_for(turn);
        }
    }

private:
    void wait_for(unsigned turn);
    void wake();
    const int members_;
    const int spins_;
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<unsigned> turn_{0};
    std::atomic<int> sleepers_{0};
};

// A child of fork. libgomp's threads do not survive it, but a thread that had a team waits for them for ever at its next
// one; and who had a team before the fork, another library perhaps, cannot be asked. A new thread has none to wait for.
bool in_forked_child();

// Runs body(thread, members, barrier) on n threads at once, one of them the calling thread (but in a forked child);
// body must not throw. The
// number of members may be smaller than n; nothing may depend on it but speed.
template <class Body>
void run_team(int n, Body body) {
    std::optional<Barrier> barrier;
    n = n > 1 ? possible_members(n) : 1;
    if (n == 1) {
        FlushToZero ftz;
        barrier.emplace(1);
        body(0, 1, *barrier);
        return;
    }
    const auto region = [&] {
#pragma omp parallel num_threads(n)
        {
            FlushToZero ftz;
#pragma omp single
            barrier.emplace(omp_get_num_threads());
            body(omp_get_thread_num(), omp_get_num_threads(), *barrier);
        }
    };
    if (in_forked_child())
        std::thread(region).join();
    else
        region();
}

}  // namespace chainrule
