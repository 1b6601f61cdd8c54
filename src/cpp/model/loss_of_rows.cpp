#include "model/loss_of_rows.hpp"

#include "runtime/buffer.hpp"
#include "runtime/cpu.hpp"

namespace chainrule {

// Block by block, as the kernel works in place on rows of Z and a target may be a label.
template <class T>
double loss_of_rows(const LossNumbers& numbers, Activation kind, const Data<T>& d, std::ptrdiff_t N, T* dZ) {
    constexpr std::ptrdiff_t at_once = 64;
    const Kernels<T>& k = kernels<T>();
    const TypedLoss<T> loss(numbers, N, d.missing);
    const bool made = d.labels || loss.smooths();  // targets that are not there as they are wanted
    Arena arena;
    arena.reserve<T>(at_once * N);
    arena.reserve<T>(at_once * N);
    arena.allocate();
    T *z = arena.take<T>(at_once * N), *y = arena.take<T>(at_once * N);
    const double weight = total_weight(d, nullptr, d.rows);
    const T scale = gradient_scale<T>(numbers.loss, weight, N);
    double sum = 0, row_loss[at_once];
    for (std::ptrdiff_t r = 0; r < d.rows; r += at_once) {
        const std::ptrdiff_t rows = std::min(at_once, d.rows - r);
        for (std::ptrdiff_t i = 0; i < rows; ++i) std::copy_n(d.X + (r + i) * d.ldx, N, z + i * N);
        for (std::ptrdiff_t i = 0; made && i < rows; ++i) loss.target(d, r + i, N, y + i * N);
        k.output_loss(loss.objective(), kind, rows, N, scale, d.weight ? d.weight + r : nullptr, z, N,
                      made ? y : d.Y + r * d.ldy, made ? N : d.ldy, dZ + r * N, N, row_loss);
        for (std::ptrdiff_t i = 0; i < rows; ++i) sum += row_loss[i];
    }
    return weight > 0 ? sum / weight : 0;
}

template double loss_of_rows<float>(const LossNumbers&, Activation, const Data<float>&, std::ptrdiff_t, float*);
template double loss_of_rows<double>(const LossNumbers&, Activation, const Data<double>&, std::ptrdiff_t, double*);

}  // namespace chainrule
