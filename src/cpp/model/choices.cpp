#include "model/choices.hpp"

#include "model/columns.hpp"
#include "model/general_runner.hpp"
#include "model/tiny_runner.hpp"

namespace chainrule {

template <class T>
Choices choices(const Network& network, std::ptrdiff_t batch, int n_threads, const LossNumbers& loss,
                const RuleNumbers& rule, bool constant_rate, bool frozen) {
    const double work = double(batch) * network.training_work();
    const bool row_by_row = rule.is_plain() && constant_rate && !frozen && loss.is_plain() && tiny_fits(network, batch);
    const int threads = row_by_row || loss.loss == Loss::custom ? 1 : resolve_threads(n_threads, work, work_of_a_step);
    const Kernels<T>& k = kernels<T>();
    const Workspace<T> memory(network, batch, threads, typename Workspace<T>::Counted(), rule);
    Choices made{.row_by_row = row_by_row,
                 .threads = threads,
                 .by_columns = !row_by_row && own_columns(memory, threads),
                 .batch = batch,
                 .rows_at_once = row_by_row ? 1 : memory.rows_at_once,
                 .tile_rows = k.tile_rows,
                 .tile_columns = k.panel,
                 .work = work,
                 .bytes = row_by_row ? tiny_bytes<T>(network) : memory.bytes(),
                 .layers = {}};
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        made.layers.push_back({layer.K, layer.N, is_large(layer, batch), l > 0 && !is_large(layer, batch)});
    }
    return made;
}

template Choices choices<float>(const Network&, std::ptrdiff_t, int, const LossNumbers&, const RuleNumbers&, bool,
                                bool);
template Choices choices<double>(const Network&, std::ptrdiff_t, int, const LossNumbers&, const RuleNumbers&, bool,
                                 bool);

}  // namespace chainrule
