// What was measured in the calls before: a call of one step has no time to find out whether the team is faster, and many of
// them in a row (single batches, single gradients) would each wait for a core that another process holds.
#pragma once

#include <array>
#include <chrono>
#include <optional>

#include "runtime/team_choice.hpp"

namespace chainrule {

enum class CallKind : int { step, gradients, forward, backward };

// The choice for calls of that kind, of as many threads and as much work, on the calling thread: a new one the first time,
// or where others have come in between. Valid until this is asked again.
TeamChoice& remembered_choice(CallKind kind, int threads, double work);

// Multiply-adds, for the first guess only.
constexpr double multiply_adds_per_second = 30e9;

// Calls call(threads) with the team or alone, as was faster before, and remembers how long it took.
template <class Call>
void with_choice(CallKind kind, int threads, double work, Call call) {
    if (threads == 1) return call(1);
    TeamChoice choice = remembered_choice(kind, threads, work);
    const auto start = std::chrono::steady_clock::now();
    call(choice.next(1).threads);
    choice.took_call(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    remembered_choice(kind, threads, work) = choice;
}

}  // namespace chainrule
