// Alone or with the team? Decided by what was measured. A second core that another process holds makes every barrier wait
// for the scheduler, and a step of microseconds then takes milliseconds; and on an idle machine a team of two took 14
// microseconds for a step of 8-64-64-1 that one thread does in 10. The bits do not depend on the choice.
#pragma once

#include <algorithm>
#include <cstddef>

namespace chainrule {

class TeamChoice {
public:
    // `seconds_guess`: what a step may take on one thread, to size the first pieces.
    TeamChoice(int threads, double seconds_guess)
        : threads_(threads), seconds_{seconds_guess, seconds_guess / threads},
          first_interval_(seconds_guess > long_step ? long_steps_interval : first_interval),
          compare_at_(seconds_guess > long_step ? long_steps_interval : 1) {}

    // The next piece of work: at most how many steps, on how many threads, and after how long to break off.
    struct Piece {
        std::ptrdiff_t steps;
        int threads;
        double seconds;
    };
    Piece next(std::ptrdiff_t steps_left) {
        if (threads_ == 1) return {steps_left, 1, 1e30};
        const bool compare = pieces_ >= compare_at_, with_team = team_is_faster() != compare;
        const double length = compare || pieces_ == 0 ? short_piece : long_piece;
        const double steps = std::max(with_team ? 4.0 : 1.0, length / std::max(seconds_[with_team], 1e-9));
        piece_ = {steps < double(steps_left) ? static_cast<std::ptrdiff_t>(steps) : steps_left,
                  with_team ? threads_ : 1, 2 * steps * std::min(seconds_[0], seconds_[1])};
        return piece_;
    }

    // What a step of the piece took; the first of a team does not count, as its threads may have been asleep.
    void took(double seconds_of_a_step) {
        if (threads_ == 1) return;
        const bool compared = pieces_ >= compare_at_, team_was_faster = team_is_faster();
        seconds_[piece_.threads > 1] = seconds_of_a_step;
        ++pieces_;
        const bool changed = team_is_faster() != team_was_faster;
        const std::ptrdiff_t lasted = pieces_ - since_;
        if (changed) since_ = pieces_;
        if (!compared) {
            if (changed) surprised(lasted);
            return;
        }
        // The same answer again: ask less often.
        interval_ = changed ? first_interval_ : std::min(2 * interval_, longest_interval);
        compare_at_ = pieces_ + interval_;
    }

    // What a call of one step took, which nothing breaks off. What it lost with the team is got back alone, before the team is
    // asked again: it waits as many calls as would gain that, by what it gained before. On a virtual machine of two processors a
    // core that was idle takes up to 3 ms to wake: L-BFGS with gradients of 0.24 ms took 2 to 3 times as long.
    void took_call(double seconds) {
        const double alone = seconds_[0], gain = std::max(alone - seconds_[1], least_gain * alone);
        took(seconds);
        if (piece_.threads > 1 && seconds > alone)
            compare_at_ = std::max(
                compare_at_, pieces_ + std::ptrdiff_t(std::min((seconds - alone) / gain, double(longest_interval))));
    }

    bool team_is_faster() const { return seconds_[1] <= seconds_[0]; }

private:
    // The answer changed without a comparison: something came in between, or it is other now. If it had lasted, it is compared again
    // soon: after one slow piece of the team's, 64-128-128-2 went on alone for 0.2 to 1 s, at 96 ms an epoch instead of 63. If not, later
    // each time: on a processor that another process holds as well, each change costs a slow piece.
    void surprised(std::ptrdiff_t lasted) {
        wait_ = lasted >= 8 * wait_ ? first_interval : std::min(2 * wait_, longest_interval);
        interval_ = first_interval_;
        compare_at_ = pieces_ + wait_;
    }

    static constexpr double short_piece = 0.3e-3, long_piece = 2e-3;  // seconds
    static constexpr std::ptrdiff_t first_interval = 8, longest_interval = 512;
    static constexpr double least_gain = 0.05;  // of the time of a call
    // Steps that long gain most from a team, and lose most by a comparison: seldom, and not at once. With a core that another
    // process holds they wait no longer than they take alone. With 16 instead, 1024-2048-2048-1024, whose pieces are one step
    // of 85 ms, took 4 % longer in its first nine epochs of eight steps.
    static constexpr double long_step = 5e-3;
    static constexpr std::ptrdiff_t long_steps_interval = 128;
    int threads_;
    double seconds_[2];  // a step alone, a step with the team
    std::ptrdiff_t first_interval_, pieces_ = 0, compare_at_, interval_ = first_interval_;
    std::ptrdiff_t since_ = 0;              // the piece after the last change of the answer
    std::ptrdiff_t wait_ = first_interval;  // pieces from a surprise to the next comparison
    Piece piece_{0, 1, 0};
};

}  // namespace chainrule
