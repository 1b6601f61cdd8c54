// Which team a call takes, from what the calls before it took.
#include "runtime/remembered_choice.hpp"
#include "training.hpp"

namespace tests {
namespace {

// Of epochs of a whole batch and a single row, the batch is measured where health is asked for, and it is what counts.
template <class T>
void choice_of_measured_steps() {
    begin_case("the health of a whole batch and a single row");
    const std::ptrdiff_t batch = 1000, epochs = 4;
    const Shape shape{{64, 128, 128, 3}, Activation::relu};
    const Rows<T> data(shape, batch + 1, End::rear);
    Run<T> run(shape, data, End::rear);
    std::vector<double> values(std::size_t(epochs * 3 * health_columns));
    std::vector<std::int64_t> quiet(256);
    run.request.health = {values.data(), quiet.data(), epochs, 3, 0};
    run.request.rule = {.kind = RuleKind(0), .learning_rate = 1e-4};
    run.request.batch_size = batch;
    run.request.epochs = epochs;
    run.request.n_threads = 2;
    expect(run.go() == Stop::finished, "training did not come to its end");
    const double work = double(batch) * run.network.training_work();
    // Pieces are of 0.3 ms or 2 ms: of many steps, if one took as long as a single row does.
    expect(remembered_choice(CallKind::step, 2, work).next(1000).steps <= 8, "a step is taken to be short");
}

// How many pieces in a row are made alone, of steps of so many seconds, after one of the team's many was slow.
int alone_after_a_slow_one(double alone, double team) {
    TeamChoice choice(2, alone);
    int pieces = 0;
    for (int piece = 0; piece < 1000; ++piece) choice.took(choice.next(1000).threads == 2 ? team : alone);
    while (choice.next(1000).threads == 1) choice.took(alone);
    choice.took(10 * alone);
    while (choice.next(1000).threads == 1) choice.took(alone), ++pieces;
    choice.took(team);
    expect(choice.next(1000).threads == 2, "the team is not gone back to");
    return pieces;
}

// The share of pieces that the team makes, where it is fast for one or two, and then slow.
double share_of_a_team_that_does_not_last() {
    TeamChoice choice(2, 2e-4);
    int with_team = 0, in_a_row = 0;
    for (int piece = 0; piece < 4000; ++piece) {
        const bool team = choice.next(1000).threads == 2;
        in_a_row = team ? in_a_row + 1 : 0;
        with_team += team;
        choice.took(!team ? 2e-4 : in_a_row > 2 ? 5e-4 : 1.2e-4);
    }
    return with_team / 4000.0;
}

// The seconds of calls, beside those of the same alone, where the team is so fast but for each `nth` of its calls.
double beside_alone(double alone, double team, double slow, int nth) {
    const int calls = 4000;
    TeamChoice choice(2, alone);
    double sum = 0;
    for (int call = 0, with_team = 0; call < calls; ++call) {
        double seconds = alone;
        if (choice.next(1).threads == 2) seconds = with_team++ % nth == 0 ? slow : team;
        choice.took_call(seconds);
        sum += seconds;
    }
    return sum / (calls * alone);
}

}  // namespace

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
    begin_case("a team that was slow once");
    expect(alone_after_a_slow_one(2e-4, 1.2e-4) <= 8, "it is not asked again soon");
    expect(alone_after_a_slow_one(2e-2, 1.2e-2) <= 8, "with long steps it is not asked again soon");
    begin_case("a team that does not last");
    expect(share_of_a_team_that_does_not_last() < 0.05, "it is asked again and again");
    begin_case("a team that gains little, and now and then waits long");
    expect(beside_alone(2.4e-4, 2.3e-4, 3e-3, 10) < 1.1, "much slower than alone");
    begin_case("a team that gains nothing, and waits each time");
    expect(beside_alone(2.4e-4, 3e-3, 3e-3, 1) < 1.1, "much slower than alone");
    begin_case("a team that gains much, and seldom waits");
    expect(beside_alone(2.4e-4, 1.4e-4, 3e-3, 200) < 0.8, "hardly faster than alone");
    choice_of_measured_steps<T>();
}

template void test_team_choices<float>(const Options&);
template void test_team_choices<double>(const Options&);

}  // namespace tests
