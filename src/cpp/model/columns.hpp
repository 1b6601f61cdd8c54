// Which columns of a layer are a thread's, where threads own columns instead of rows.
#pragma once

#include "model/workspace.hpp"

namespace chainrule {

struct Columns {
    std::ptrdiff_t begin, end;
};

// The whole panels of a layer that are thread `thread`'s, in columns.
inline Columns columns_of(const Layer& layer, std::ptrdiff_t panel, int thread, int members) {
    const std::ptrdiff_t panels = (layer.N + panel - 1) / panel;
    const auto edge = [&](int t) { return std::min(panels * t / members * panel, layer.N); };
    return {edge(thread), edge(thread + 1)};
}

// Whether a team of that size takes a batch through the layers by columns (columns.cpp says when that pays).
template <class T>
bool own_columns(const Workspace<T>& memory, int members);

// The columns of a layer's biases that the thread updates.
template <class T>
Columns bias_columns(const Workspace<T>& memory, std::ptrdiff_t layer, int thread, int members);

}  // namespace chainrule
