// Alone or with the team? Decided by what was measured: a second core that another process holds makes every barrier
// wait for the scheduler, and a step of microseconds then takes milliseconds. The bits do not depend on the choice.
#pragma once

#include <algorithm>
#include <cstddef>

namespace chainrule {

class TeamChoice {
public:
    // `seconds_guess`: what a step may take on one thread, to size the first pieces.
    TeamChoice(int threads, double seconds_guess)
        : threads_(threads), seconds_{seconds_guess, seconds_guess / threads} {}

    // The next piece of work: at most how many steps, on how many threads, and after how long to break off.
    struct Piece {
        std::ptrdiff_t steps;
        int threads;
        double seconds;
    };
    Piece next(std::ptrdiff_t steps_left) {
        if (threads_ == 1) return {steps_left, 1, 1e30};
        const bool compare = pieces_ < 2 || pieces_ >= compare_at_;
        const bool with_team = pieces_ < 2 ? pieces_ == 1 : team_is_faster() != compare;
        const double length = compare ? short_piece : long_piece;
        const double steps = std::max(1.0, length / std::max(seconds_[with_team], 1e-9));
        piece_ = {steps < double(steps_left) ? static_cast<std::ptrdiff_t>(steps) : steps_left,
                  with_team ? threads_ : 1, pieces_ == 0 ? 1e30 : 2 * steps * std::min(seconds_[0], seconds_[1])};
        return piece_;
    }

    void took(double seconds, std::ptrdiff_t steps) {
        if (threads_ == 1 || steps == 0) return;
        const bool compared = pieces_ >= compare_at_, team_was_faster = team_is_faster();
        seconds_[piece_.threads > 1] = seconds / double(steps);
        ++pieces_;
        if (pieces_ <= 2)
            compare_at_ = 2 + first_interval;
        else if (compared) {
            // The same answer again: ask less often.
            interval_ =
                team_is_faster() == team_was_faster ? std::min(2 * interval_, longest_interval) : first_interval;
            compare_at_ = pieces_ + interval_;
        }
    }

    bool team_is_faster() const { return seconds_[1] <= seconds_[0]; }

private:
    static constexpr double short_piece = 0.3e-3, long_piece = 2e-3;  // seconds
    static constexpr std::ptrdiff_t first_interval = 8, longest_interval = 512;
    const int threads_;
    double seconds_[2];  // a step alone, a step with the team
    std::ptrdiff_t pieces_ = 0, compare_at_ = 2, interval_ = first_interval;
    Piece piece_{0, 1, 0};
};

}  // namespace chainrule
