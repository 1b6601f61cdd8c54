// Which team a call takes, from what the calls before it took.
#include "cases.hpp"
#include "runtime/remembered_choice.hpp"

namespace tests {

template <class T>
void test_team_choices(const Options&) {
    const double work = 1e6 * sizeof(T);
    const auto next = [&](double seconds_alone, double seconds_of_team) {
        const int threads = remembered_choice(CallKind::step, 2, work).next(1).threads;
        remembered_choice(CallKind::step, 2, work).took(threads == 1 ? seconds_alone : seconds_of_team);
        return threads;
    };
    begin_case("a team that waits for a core");  // each call is one step, as of single batches
    int with_team = 0;
    for (int call = 0; call < 200; ++call) with_team += next(1e-5, 1e-2) == 2;
    expect(with_team <= 6, "a slow team is taken again and again");
    begin_case("the core is free again");
    with_team = 0;
    for (int call = 0; call < 2000; ++call) with_team += next(1e-5, 5e-6) == 2;
    expect(with_team >= 1000, "a fast team is not found");
    begin_case("another kind of call");
    expect(remembered_choice(CallKind::gradients, 2, work).next(1).threads == 2, "nothing is known of it, but a guess");
    begin_case("as many others as are remembered");
    for (int other = 1; other < 40; ++other) remembered_choice(CallKind::step, 2, work + other).took(1e-5);
    expect(remembered_choice(CallKind::step, 2, work).next(1).threads == 2, "what was forgotten begins anew");
}

template void test_team_choices<float>(const Options&);
template void test_team_choices<double>(const Options&);

}  // namespace tests
