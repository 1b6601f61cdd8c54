// What train_epochs drives: something that holds the parameters in a layout of its own and runs steps of an epoch.
#pragma once

#include "model/train.hpp"
#include "runtime/cpu.hpp"

namespace chainrule {

// The course of a call, shared by the two ways of running it (general and tiny).
struct Course {
    Shuffler shuffler;
    std::vector<std::int64_t> drawn;  // the order of the epoch under way, where the caller has given none
    const std::int64_t* order;        // that, or the caller's
    double epoch_loss = 0;            // sum of row losses so far
    double weight_done = 0;           // of these rows: their number, or the sum of their weights
    bool stopped = false;             // because there was no learning rate, or no loss, to be had

    Course(std::ptrdiff_t rows, const std::vector<std::int64_t>& given)
        : shuffler(kernels<float>(), given.empty() ? rows : 0), drawn(given.empty() ? std::size_t(rows) : 0),
          order(given.empty() ? drawn.data() : given.data()) {}
    Course(const Course&) = delete;
    Course& operator=(const Course&) = delete;
};

template <class T>
class Runner {
public:
    virtual ~Runner() = default;
    virtual void pack() = 0;
    virtual void unpack() = 0;
    // The first `count` steps of the epoch with that order; `step` is the first one's number, ever. `done` counts finished steps and `course.epoch_loss`
    // their losses. between(done) is called between steps now and then on the calling thread; true to stop.
    // Returns false where a step was not finite, the one after `done` (the layout then is spoiled: pack again).
    struct Between {
        bool (*call)(void* context, std::ptrdiff_t done);
        void* context;
    };
    virtual bool steps(Course& course, std::uint64_t step, std::ptrdiff_t count, std::ptrdiff_t& done,
                       Between between) = 0;
    // Where looking for what is not finite would take a good part of a step, it is looked for now and then: false from
    // `steps` then says that it was one of the first `done`, and before parameters are copied `finite` tells whether they
    // may be. Then look_at_each_step(), which returns whether that is new, and from the last copy on the step is found.
    virtual bool finite() const { return true; }
    virtual bool look_at_each_step() { return false; }
};

}  // namespace chainrule
