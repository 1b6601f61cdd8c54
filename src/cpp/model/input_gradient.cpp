// The last step of the chain rule, which training does not need: from dZ of the first layer to the rows themselves.
#include "model/step.hpp"

namespace chainrule {

template <class T>
void Step<T>::input_gradient(const StepRequest<T>& request, int thread, int members) {
    const Layer& layer = w_.network.layers.front();
    const LayerMemory<T>& m = w_.layers.front();
    const double rate = w_.network.input_dropout;
    T* const mask = w_.masks[static_cast<std::size_t>(thread)];
    each_block(request.rows, thread, members, [&](std::ptrdiff_t r0, std::ptrdiff_t r1) {
        T* const dX = w_.dX + r0 * w_.ldx;
        w_.kernels.product(
            {.rows = r1 - r0,
             .K = layer.N,
             .N = layer.K,
             .A = m.dZ + r0 * m.ld,
             .lda = m.ld,
             .panels = m.weights,
             .transposed = true,
             .C = dX,
             .ldc = w_.ldx,
             .scratch = is_large(layer, w_.batch) ? w_.scratch[static_cast<std::size_t>(thread)] : nullptr});
        if (rate == 0) return;
        w_.kernels.dropout_mask(request.seed, input_dropout_stream, request.step,
                                static_cast<std::uint64_t>(r0 * layer.K), (r1 - r0) * layer.K, dropout_threshold(rate),
                                T(1 / (1 - rate)), mask);
        for (std::ptrdiff_t r = 0; r < r1 - r0; ++r)
            for (std::ptrdiff_t k = 0; k < layer.K; ++k) dX[r * w_.ldx + k] *= mask[r * layer.K + k];
    });
}

template void Step<float>::input_gradient(const StepRequest<float>&, int, int);
template void Step<double>::input_gradient(const StepRequest<double>&, int, int);

}  // namespace chainrule
