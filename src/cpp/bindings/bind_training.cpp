// Whole epochs: the interpreter's lock is released, and taken again only to look for Ctrl-C and to call `poll`.
#include <pybind11/stl.h>

#include <array>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>

#include "bindings/python_loss.hpp"
#include "model/choices.hpp"
#include "model/train.hpp"
#include "runtime/team.hpp"

namespace chainrule::bindings {
namespace {

using namespace py::literals;

// The Python side of a Poll. An exception (KeyboardInterrupt, or the poll's own) is kept and stops the training.
class PythonPoll {
public:
    PythonPoll(const py::object& f, WithoutGil& r, std::exception_ptr& e) : function(f), released(r), raised(e) {}

    const py::object& function;
    WithoutGil& released;
    std::exception_ptr& raised;
    std::function<void()> give, take;  // where the arrays of the state are copies: before and after, if anything

    static bool call(void* self, std::uint64_t epoch, std::ptrdiff_t done, std::ptrdiff_t steps, double loss) {
        auto& poll = *static_cast<PythonPoll*>(self);
        if (poll.give) poll.give();
        const bool stop = poll.python([&] {
            if (!poll.function.is_none()) poll.function(epoch, done, steps, loss);
        });
        if (poll.take) poll.take();
        return stop;
    }
    static bool interrupted(void* self) {
        return static_cast<PythonPoll*>(self)->python([] {});
    }

private:
    template <class F>
    bool python(F f) {
        return released.with_gil([&] {
            try {
                if (PyErr_CheckSignals() != 0) throw py::error_already_set();
                f();
                return false;
            } catch (...) {
                raised = std::current_exception();
                return true;
            }
        });
    }
};

// The Python side of Rates: a function of a step and a number of steps, whose rates are checked there.
struct PythonRates {
    const py::object& function;
    WithoutGil& released;
    std::exception_ptr& raised;

    static std::ptrdiff_t call(void* self, std::uint64_t step, std::ptrdiff_t count, double* out) {
        auto& rates = *static_cast<PythonRates*>(self);
        return rates.released.with_gil([&]() -> std::ptrdiff_t {
            try {
                const py::array_t<double> found(rates.function(step, count));
                require(found.ndim() == 1 && found.size() > 0 && found.size() <= count,
                        "the rates have a wrong number");
                std::copy_n(found.data(), found.size(), out);
                return found.size();
            } catch (...) {
                rates.raised = std::current_exception();
                return 0;
            }
        });
    }
};

// What training changes, as copies of its own where Python code may write into the arrays in the middle of it: training
// goes on from what it has left itself, and what others have written meanwhile is lost.
template <class T>
class Copies {
public:
    // `p` has pointers to the copies then.
    Copies(const Network& network, Parameters<T>& p) : network_(network) {
        each(p, [&](T*& array, std::ptrdiff_t size) {
            kept_.emplace_back(array, array + size);
            array = kept_.back().data();
        });
    }
    Copies(const Copies&) = delete;
    Copies(Copies&&) noexcept = default;
    void write_to(Parameters<T> p) const {
        auto from = kept_.begin();
        each(p, [&](T*& array, std::ptrdiff_t) { std::copy(from->begin(), from->end(), array), ++from; });
    }
    void read_from(Parameters<T> p) {
        auto to = kept_.begin();
        each(p, [&](T*& array, std::ptrdiff_t size) { std::copy_n(array, size, to->begin()), ++to; });
    }

private:
    template <class F>
    void each(Parameters<T>& p, F f) const {
        for (std::size_t l = 0; l < p.weights.size(); ++l) f(p.weights[l], network_.layers[l].K * network_.layers[l].N);
        for (std::size_t l = 0; l < p.biases.size(); ++l)
            f(p.biases[l], network_.bias == BiasMode::layer ? 1 : network_.layers[l].N);
    }

    const Network& network_;
    std::vector<std::vector<T>> kept_;
};

// A copy of the order of the rows, as Python may write into its own meanwhile.
std::vector<std::int64_t> order_of(const py::object& given, std::ptrdiff_t rows) {
    if (given.is_none()) return {};
    const std::int64_t* from = contiguous<std::int64_t>(py::cast<py::array>(given), rows);
    std::vector<std::int64_t> order(from, from + rows);
    for (std::int64_t row : order) require(row >= 0 && row < rows, "an entry of order is out of range");
    return order;
}

// None, or (losses, squares of weights), an entry for each step from number `begin` on.
StepRecord record_of(const py::object& given, std::ptrdiff_t steps, std::uint64_t begin) {
    if (given.is_none()) return {};
    const auto [losses, squares] = py::cast<std::pair<py::array, py::array>>(given);
    return {writable<double>(losses, steps), writable<double>(squares, steps), steps, begin};
}

// None, or (values, quiet, measured) for so many epochs.
HealthRecord health_of(const py::object& given, const Network& network, std::ptrdiff_t epochs, std::uint64_t begin) {
    if (given.is_none()) return {};
    const auto [values, quiet, measured] = py::cast<std::tuple<py::array, py::array, py::object>>(given);
    std::ptrdiff_t hidden = 0;
    for (const Layer& layer : network.layers) hidden += layer.N;
    const std::ptrdiff_t layers = network.n_layers();
    return {writable<double>(values, times(epochs, layers * health_columns)),
            writable<std::int64_t>(quiet, hidden - network.n_out()),
            epochs,
            layers,
            begin,
            measured.is_none()
                ? nullptr
                : reinterpret_cast<const std::uint8_t*>(contiguous<bool>(py::cast<py::array>(measured), epochs))};
}

// A MeasuredRows of _network.py: (X, target, weight, list for losses or None, classes or None, list for accuracies or None).
template <class T>
MeasuredRows<T> measured_rows(const Network& network, const LossNumbers& loss, const py::handle& given, int n_threads) {
    const auto [X, target, weight, losses, classes, accuracies] =
        py::cast<std::tuple<py::array, py::array, py::object, py::object, py::object, py::object>>(given);
    const Data<T> rows = data<T>(network.n_in(), network.n_out(), X, target, weight);
    require(loss.loss != Loss::custom, "a custom loss, and rows to measure");
    require(losses.is_none() || py::isinstance<py::list>(losses), "losses must be a list");
    require(classes.is_none() == accuracies.is_none(), "classes, or a list for accuracies, is missing");
    require(accuracies.is_none() || py::isinstance<py::list>(accuracies), "accuracies must be a list");
    const std::int64_t* of_rows =
        classes.is_none() ? nullptr : contiguous<std::int64_t>(py::cast<py::array>(classes), rows.rows);
    return {network, rows, loss, !losses.is_none(), of_rows, n_threads};
}

template <class T>
py::tuple train(const Network& network, const py::object& state, const Arrays& weights, const Arrays& biases,
                const Arrays& weight_velocity, const Arrays& bias_velocity, const Arrays& weight_square,
                const Arrays& bias_square, const py::array& X, const py::array& target, const py::tuple& loss,
                const py::object& sample_weight, const RuleNumbers& rule, const py::object& rates,
                std::ptrdiff_t batch_size, bool shuffle, std::uint64_t seed, std::ptrdiff_t epochs, int n_threads,
                const py::object& function, bool every_step, const std::vector<std::size_t>& frozen,
                const py::object& order, const py::object& record, const py::object& health,
                const py::tuple& rows_to_measure) {
    TrainRequest<T> request{&network,
                            parameters<T>(network, weights, biases, true),
                            parameters<T>(network, weight_velocity, bias_velocity, true),
                            {},
                            data<T>(network.n_in(), network.n_out(), X, target, sample_weight),
                            loss_of(loss, network.n_out()),
                            {},
                            rule,
                            {},
                            py::cast<std::uint64_t>(state.attr("started")),
                            batch_size,
                            shuffle,
                            seed,
                            epochs,
                            n_threads,
                            {},
                            layers_among(frozen, network)};
    if (rule.has_square()) request.squares = parameters<T>(network, weight_square, bias_square, true);
    const std::array<Parameters<T>, 3> theirs{request.parameters, request.velocities, request.squares};
    require(batch_size > 0 && epochs >= 0, "batch_size or epochs out of range");
    require(request.data.rows < (std::ptrdiff_t(1) << 32), "2^32 rows or more");
    TrainProgress progress{py::cast<std::uint64_t>(state.attr("epoch")), py::cast<std::uint64_t>(state.attr("step")),
                           0};
    request.order = order_of(order, request.data.rows);
    require(request.order.empty() || !shuffle, "an order, and shuffle");
    const std::ptrdiff_t steps_per_epoch = (request.data.rows + batch_size - 1) / batch_size;
    if (!record.is_none()) request.record = record_of(record, times(epochs, steps_per_epoch), progress.step);
    request.record.cut(progress.step);
    const std::uint64_t first_epoch = progress.epoch;
    request.health = health_of(health, network, epochs, progress.step);
    std::vector<MeasuredRows<T>> measured;
    measured.reserve(py::len(rows_to_measure));
    for (const py::handle& one : rows_to_measure)
        measured.push_back(measured_rows<T>(network, request.loss, one, n_threads));
    if (!measured.empty()) request.measured = &measured;
    py::list losses = state.attr("losses");
    std::vector<double> epoch_losses;
    const py::object custom_function = loss[5];
    std::vector<Copies<T>> copies;
    copies.reserve(theirs.size());
    if (!custom_function.is_none())
        for (Parameters<T>* p : {&request.parameters, &request.velocities, &request.squares})
            copies.emplace_back(network, *p);
    std::exception_ptr raised;
    Stop stop = Stop::finished;
    {
        WithoutGil released;
        PythonPoll poll{function, released, raised};
        if (every_step && !copies.empty()) {
            poll.give = [&] {
                for (std::size_t i = 0; i < copies.size(); ++i) copies[i].write_to(theirs[i]);
            };
            poll.take = [&] {
                for (std::size_t i = 0; i < copies.size(); ++i) copies[i].read_from(theirs[i]);
            };
        }
        PythonRates schedule{rates, released, raised};
        PythonLoss<T> custom(custom_function, released, raised);
        request.custom = custom.loss();
        if (!rates.is_none()) request.rates = {PythonRates::call, &schedule};
        request.poll = {PythonPoll::call, PythonPoll::interrupted, &poll, !function.is_none(), every_step};
        try {
            stop = train_epochs(request, progress, epoch_losses);
        } catch (const std::exception&) {  // out of memory
            raised = std::current_exception();
        }
    }
    request.record.cut(progress.step);
    request.health.cut(std::ptrdiff_t(progress.epoch - first_epoch));
    // No Python code runs between these lines, so no second Ctrl-C can leave the counters half written.
    for (std::size_t i = 0; i < copies.size(); ++i) copies[i].write_to(theirs[i]);
    state.attr("epoch") = progress.epoch;
    state.attr("step") = progress.step;
    for (double value : epoch_losses) losses.append(value);
    for (std::size_t i = 0; i < measured.size(); ++i) {
        const py::tuple found = py::cast<py::tuple>(rows_to_measure[i]);
        for (double value : measured[i].losses) py::list(found[3]).append(value);
        for (double value : measured[i].accuracies) py::list(found[5]).append(value);
    }
    if (raised) std::rethrow_exception(raised);
    return py::make_tuple(stop != Stop::not_finite, progress.step_in_epoch);
}

}  // namespace

void bind_training(py::module_& m) {
    // What train_epochs would choose for full batches, without training.
    m.def("choices", [](const Network& network, bool single, std::ptrdiff_t batch, int n_threads, const py::tuple& loss,
                        int kind, const std::vector<double>& numbers, const py::object& rates, bool frozen) {
        const LossNumbers objective = loss_of(loss, network.n_out());
        const RuleNumbers rule = rule_of(kind, numbers);
        const bool constant = rates.is_none();
        require(batch > 0 && batch < (std::ptrdiff_t(1) << 32), "batch out of range");
        const Choices c = single ? choices<float>(network, batch, n_threads, objective, rule, constant, frozen)
                                 : choices<double>(network, batch, n_threads, objective, rule, constant, frozen);
        py::list layers;
        for (const LayerChoice& layer : c.layers)
            layers.append(py::make_tuple(layer.K, layer.N, layer.large, layer.transposed));
        return py::dict("row_by_row"_a = c.row_by_row, "threads"_a = c.threads, "by_columns"_a = c.by_columns,
                        "rows_at_once"_a = c.rows_at_once, "tile"_a = py::make_tuple(c.tile_rows, c.tile_columns),
                        "work"_a = c.work, "least_work"_a = work_of_a_step, "bytes"_a = c.bytes, "layers"_a = layers);
    });
    // Returns (finite, steps done in the unfinished epoch); the counters of `state` are set whatever happens.
    m.def("train_epochs",
          [](const Network& network, const py::object& state, const Arrays& weights, const Arrays& biases,
             const Arrays& weight_velocity, const Arrays& bias_velocity, const Arrays& weight_square,
             const Arrays& bias_square, const py::array& X, const py::array& target, const py::tuple& loss,
             const py::object& sample_weight, int rule, const std::vector<double>& numbers, const py::object& rates,
             std::ptrdiff_t batch_size, bool shuffle, std::uint64_t seed, std::ptrdiff_t epochs, int n_threads,
             const py::object& poll, bool every_step, const std::vector<std::size_t>& frozen, const py::object& order,
             const py::object& record, const py::object& health, const py::tuple& rows_to_measure) {
              return with_dtype(X, [&]<class T>() {
                  return train<T>(network, state, weights, biases, weight_velocity, bias_velocity, weight_square,
                                  bias_square, X, target, loss, sample_weight, rule_of(rule, numbers), rates,
                                  batch_size, shuffle, seed, epochs, n_threads, poll, every_step, frozen, order, record,
                                  health, rows_to_measure);
              });
          });
}

}  // namespace chainrule::bindings
