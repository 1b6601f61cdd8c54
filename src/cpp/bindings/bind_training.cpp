// Whole epochs: the interpreter's lock is released, and taken again only to look for Ctrl-C and to call `poll`.
#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "model/train.hpp"

namespace chainrule::bindings {
namespace {

// The Python side of a Poll. An exception (KeyboardInterrupt, or the poll's own) is kept and stops the training.
struct PythonPoll {
    py::object function;
    std::optional<py::error_already_set> raised;

    static bool call(void* self, std::uint64_t epoch, std::ptrdiff_t done, std::ptrdiff_t steps, double loss) {
        auto& poll = *static_cast<PythonPoll*>(self);
        py::gil_scoped_acquire acquire;
        try {
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            if (!poll.function.is_none()) poll.function(epoch, done, steps, loss);
            return false;
        } catch (py::error_already_set& error) {
            poll.raised.emplace(std::move(error));
            return true;
        }
    }
};

template <class T>
py::tuple train(const Network& network, const py::object& state, const Arrays& weights, const Arrays& biases,
                const Arrays& weight_velocity, const Arrays& bias_velocity, const py::array& X, const py::array& target,
                int loss, const Sgd<T>& sgd, std::ptrdiff_t batch_size, bool shuffle, std::uint64_t seed,
                std::ptrdiff_t epochs, int n_threads, const py::object& function) {
    PythonPoll poll{function, std::nullopt};
    const TrainRequest<T> request{&network,
                                  parameters<T>(network, weights, biases, true),
                                  parameters<T>(network, weight_velocity, bias_velocity, true),
                                  data<T>(network.n_in(), network.n_out(), X, target),
                                  Loss(loss),
                                  sgd,
                                  batch_size,
                                  shuffle,
                                  seed,
                                  epochs,
                                  n_threads,
                                  {PythonPoll::call, &poll, !function.is_none()}};
    require(batch_size > 0 && epochs >= 0, "batch_size or epochs out of range");
    require(request.data.rows < (std::ptrdiff_t(1) << 32), "2^32 rows or more");
    TrainProgress progress{py::cast<std::uint64_t>(state.attr("epoch")), py::cast<std::uint64_t>(state.attr("step")),
                           0};
    py::list losses = state.attr("losses");
    std::vector<double> epoch_losses;
    Stop stop;
    {
        py::gil_scoped_release release;
        stop = train_epochs(request, progress, epoch_losses);
    }
    // No Python code runs between these lines, so no second Ctrl-C can leave the counters half written.
    state.attr("epoch") = progress.epoch;
    state.attr("step") = progress.step;
    for (double value : epoch_losses) losses.append(value);
    if (poll.raised) throw std::move(*poll.raised);
    return py::make_tuple(stop != Stop::not_finite, progress.step_in_epoch);
}

}  // namespace

void bind_training(py::module_& m) {
    // Returns (finite, steps done in the unfinished epoch); the counters of `state` are set whatever happens.
    m.def("train_epochs",
          [](const Network& network, const py::object& state, const Arrays& weights, const Arrays& biases,
             const Arrays& weight_velocity, const Arrays& bias_velocity, const py::array& X, const py::array& target,
             int loss, double learning_rate, double momentum, bool nesterov, double weight_decay,
             std::ptrdiff_t batch_size, bool shuffle, std::uint64_t seed, std::ptrdiff_t epochs, int n_threads,
             const py::object& poll) {
              return with_dtype(X, [&]<class T>() {
                  return train<T>(network, state, weights, biases, weight_velocity, bias_velocity, X, target, loss,
                                  {T(learning_rate), T(momentum), T(weight_decay), nesterov}, batch_size, shuffle, seed,
                                  epochs, n_threads, poll);
              });
          });
}

}  // namespace chainrule::bindings
