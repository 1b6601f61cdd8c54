// Tiny networks whose health is asked for: the steps that are measured are made the general way too, which has the same
// bits, by a copy of what is trained. To make them twice takes less time than to bring the copy back.
#pragma once

#include "model/general_runner.hpp"
#include "model/tiny_runner.hpp"

namespace chainrule {

template <class T>
class MeasuredTinyRunner : public Runner<T> {
public:
    explicit MeasuredTinyRunner(const TrainRequest<T>& request)
        : record_(request.health), own_(request, values_), steps_(*request.network, request.data.rows, 1),
          tiny_(request), general_(own_) {}

    void pack() override { tiny_.pack(); }
    void unpack() override { tiny_.unpack(); }

    bool steps(Course& course, std::uint64_t step, std::ptrdiff_t count, std::ptrdiff_t& done,
               typename Runner<T>::Between between) override {
        if (!record_.measures(static_cast<std::ptrdiff_t>(step - record_.begin) / steps_.in_epoch))
            return tiny_.steps(course, step, count, done, between);
        Listener listener{between};
        while (done < count && !listener.stopped) {
            if (steps_.next(done) == done && !measure(course, step, done)) {
                if (!each_) ++done;  // the step that was not finite may be one before
                return false;
            }
            const std::ptrdiff_t next = std::min(steps_.next(done + 1), count);
            if (!tiny_.steps(course, step, next, done, {Listener::between, &listener})) return false;
        }
        return true;
    }

    bool finite() const override { return tiny_.finite(); }
    bool look_at_each_step() override {
        each_ = true;
        return tiny_.look_at_each_step();
    }

private:
    // The step after `done`, in the copy; false where it is not finite.
    bool measure(Course& course, std::uint64_t step, std::ptrdiff_t done) {
        tiny_.give(own_.parameters, own_.velocities);
        general_.pack();
        const double loss = course.epoch_loss, weight = course.weight_done;
        const bool finite =
            general_.steps(course, step, done + 1, done, {[](void*, std::ptrdiff_t) { return false; }, nullptr});
        course.epoch_loss = loss;
        course.weight_done = weight;
        return finite;
    }

    struct Listener {
        typename Runner<T>::Between inner;
        bool stopped = false;
        static bool between(void* self, std::ptrdiff_t done) {
            Listener& listener = *static_cast<Listener*>(self);
            return listener.stopped = listener.inner.call(listener.inner.context, done);
        }
    };

    // The request, but with a copy of the parameters: the caller's arrays hold what is gone back to.
    struct Own : TrainRequest<T> {
        Own(const TrainRequest<T>& request, std::vector<T>& values) : TrainRequest<T>(request) {
            const Network& shape = *request.network;
            const auto each = [&](auto&& f) {
                for (Parameters<T>* p : {&this->parameters, &this->velocities}) {
                    for (std::size_t l = 0; l < p->weights.size(); ++l)
                        f(p->weights[l], shape.layers[l].K * shape.layers[l].N);
                    for (std::size_t l = 0; l < p->biases.size(); ++l)
                        f(p->biases[l], shape.bias == BiasMode::layer ? 1 : shape.layers[l].N);
                }
            };
            std::ptrdiff_t all = 0;
            each([&](T*&, std::ptrdiff_t size) { all += size; });
            values.resize(static_cast<std::size_t>(all));
            T* next = values.data();
            each([&](T*& array, std::ptrdiff_t size) { array = std::exchange(next, next + size); });
        }
    };

    HealthRecord record_;
    std::vector<T> values_;
    Own own_;
    MeasuredSteps steps_;
    TinyRunner<T> tiny_;
    GeneralRunner<T> general_;
    bool each_ = false;  // look at each step
};

}  // namespace chainrule
