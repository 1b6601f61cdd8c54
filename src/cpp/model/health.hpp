// How the layers fare in training, for who asks: a few steps of each epoch are measured. What the columns are and which steps
// these are is said beside HEALTH_COLUMNS in _network.py; reference/health.py computes the same.
#pragma once

#include <algorithm>
#include <array>

#include "model/workspace.hpp"

namespace chainrule {

// Of more rows these are looked at, evenly spread. With 256, 8-16-1 on full batches of 1,000 rows took 5.6 % more instructions.
constexpr std::ptrdiff_t health_columns = 8, most_rows_looked_at = 64;

// Memory of the caller's; no pointers: nothing is measured.
struct HealthRecord {
    double* values = nullptr;       // OUT (epochs, layers, health_columns), or null
    std::int64_t* quiet = nullptr;  // INOUT (hidden units): rows looked at since the unit was not 0
    std::ptrdiff_t epochs = 0, layers = 0;
    std::uint64_t begin = 0;                 // the number of the first step, ever
    const std::uint8_t* measured = nullptr;  // (epochs): 0 for epochs that are not measured; or null

    bool wanted() const { return values != nullptr; }
    bool measures(std::ptrdiff_t epoch) const { return wanted() && (!measured || measured[epoch] != 0); }
    // Nothing is known of epochs that are not measured, nor of those from number `done` on, which are not finished.
    void cut(std::ptrdiff_t done) const;
};

// Of so many steps one is measured. Row by row and at most 16 wide a step takes 0.05 microseconds or so, to measure one 1.5.
inline std::ptrdiff_t steps_for_one_measured(const Network& network, std::ptrdiff_t batch) {
    const auto wide = [](const Layer& layer) { return layer.K > 16 || layer.N > 16; };
    const bool tiny = batch == 1 && std::none_of(network.layers.begin(), network.layers.end(), wide);
    return tiny ? 1024 : 64;
}

// The steps of an epoch that are measured: step j full / k - 1 for j from 1 to k, with `full` whole batches.
class MeasuredSteps {
public:
    MeasuredSteps(const Network& network, std::ptrdiff_t rows, std::ptrdiff_t batch)
        : in_epoch((rows + batch - 1) / batch),
          count(std::min<std::ptrdiff_t>(8, (in_epoch - 1) / steps_for_one_measured(network, batch) + 1)),
          full_(std::max<std::ptrdiff_t>(rows / batch, 1)) {}
    // The first of them that is not before step `done` of the epoch; or the number of steps, if there is none.
    std::ptrdiff_t next(std::ptrdiff_t done) const {
        for (std::ptrdiff_t j = 1; j <= count; ++j)
            if (at(j) >= done) return at(j);
        return in_epoch;
    }
    bool is_first(std::ptrdiff_t step) const { return step == at(1); }
    bool is_last(std::ptrdiff_t step) const { return step == at(count); }

    const std::ptrdiff_t in_epoch, count;  // steps; measured ones

private:
    std::ptrdiff_t at(std::ptrdiff_t j) const { return j * full_ / count - 1; }
    const std::ptrdiff_t full_;
};

// Neither threads nor instruction sets change the bits: all sums are of float64, those of a unit from row to row, those of a
// column of weights over as many rows as one part has; then all of them are added in their order.
template <class T>
class HealthMeter {
public:
    HealthMeter(Workspace<T>& workspace, const HealthRecord& record, const MeasuredSteps& steps,
                const std::vector<bool>& frozen, bool plain);

    // A measured step: begin; then in the team, with a barrier after each, the passes, look, the weights phase, changes, and
    // on one thread note, but not where the step is not finite; end.
    void begin();
    void look(std::ptrdiff_t rows, int thread, int members);
    void changes(int thread, int members);
    void note(std::uint64_t step, std::ptrdiff_t rows);
    void end();
    // Whether the epoch with this step, by its number ever, is measured.
    bool measures(std::uint64_t step) const { return record_.measures(epoch_of(step)); }

    const MeasuredSteps steps;

private:
    using Values = std::array<double, health_columns>;
    struct Units {  // some columns of a layer's outputs
        std::size_t layer;
        std::ptrdiff_t begin, count;
    };
    struct Part {  // some rows of a panel
        std::size_t layer;
        std::ptrdiff_t at, rows, width, columns, sums;
    };
    struct LayerMeter {
        T low, high;                         // below and above these an activation is saturated
        bool has_delta, learns;              // whether its dZ is computed, its weights are changed
        std::ptrdiff_t units;                // where its units begin among all units
        std::ptrdiff_t sums, end;            // and the sums of its weights
        T *before = nullptr, *dW = nullptr;  // panels: W before the update; dW where the workspace keeps none
        Values total{};                      // over the measured steps of the epoch
    };
    std::ptrdiff_t epoch_of(std::uint64_t step) const {
        return static_cast<std::ptrdiff_t>(step - record_.begin) / steps.in_epoch;
    }
    Values of_layer(std::size_t l, std::ptrdiff_t looked_at, std::ptrdiff_t rows) const;
    double dead(std::size_t l) const;

    Workspace<T>& w_;
    HealthRecord record_;
    bool plain_;
    Arena arena_;
    std::vector<LayerMeter> layers_;
    std::vector<Units> units_;
    std::vector<Part> parts_;
    Activity<T> activity_;                     // of all units
    double* delta_squares_;                    // of all units
    double *weights_, *gradients_, *updates_;  // squares of columns of weights
    std::vector<bool> active_;                 // units that were not 0 in the epoch
    std::uint64_t noted_ = 0;                  // steps before this one are counted in `quiet`
};

}  // namespace chainrule
