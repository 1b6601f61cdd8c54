// What a training run would choose: for people who want to know before it starts.
#pragma once

#include "model/loss.hpp"
#include "model/rule.hpp"

namespace chainrule {

struct LayerChoice {
    std::ptrdiff_t K, N;
    bool large, transposed;  // as in workspace.hpp
};

struct Choices {
    bool row_by_row;  // tiny_runner.hpp, else general_runner.hpp
    int threads;      // at most; team_choice.hpp
    bool by_columns;  // columns.hpp
    std::ptrdiff_t batch, rows_at_once, tile_rows, tile_columns;
    double work;        // multiply-adds of a step
    std::size_t bytes;  // taken before the first step, parameters and data not counted
    std::vector<LayerChoice> layers;
};

template <class T>
Choices choices(const Network& network, std::ptrdiff_t batch, int n_threads, const LossNumbers& loss,
                const RuleNumbers& rule, bool constant_rate, bool frozen);

}  // namespace chainrule
