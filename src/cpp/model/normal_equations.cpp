// J^T J and J^T e, block of rows after block of rows: threads own rows while J is formed, and panels of J^T J while it
// is summed. J is never there as a whole.
#include <algorithm>

#include "model/least_squares.hpp"
#include "model/workspace.hpp"
#include "runtime/team.hpp"

namespace chainrule {
namespace {

// Rows of J that are there at a time: as many as the kernels of dW take together (row_block in weights.hpp).
constexpr std::ptrdiff_t errors_at_once = 512;

template <class T>
class NormalEquations {
public:
    NormalEquations(const Network& network, const Parameters<T>& parameters, const Data<T>& data, T* JTJ, T* JTe)
        : data_(data), n_out_(network.n_out()), P_(n_parameters(network)), ldj_(padded_width<T>(P_)),
          rows_(std::min(data.rows, std::max<std::ptrdiff_t>(1, errors_at_once / n_out_))), w_(network, rows_, 1),
          JTJ_(JTJ), JTe_(JTe) {
        w_.pack(parameters, {}, {});
        const auto parts = [&](auto&& part) {
            part(J_, rows_ * n_out_ * ldj_);
            part(e_, rows_ * n_out_);
            part(block_, P_ * P_);
        };
        parts([&](T*&, std::ptrdiff_t count) { arena_.reserve<T>(count); });
        arena_.allocate();
        parts([&](T*& pointer, std::ptrdiff_t count) { pointer = arena_.take<T>(count); });
        std::fill_n(JTJ_, P_ * P_, T(0));
        std::fill_n(JTe_, P_, T(0));
    }

    double run(int threads) {
        double squares = 0;
        run_team(threads, [&](int thread, int members, Barrier& barrier) {
            for (std::ptrdiff_t first = 0; first < data_.rows; first += rows_) {
                const std::ptrdiff_t rows = std::min(rows_, data_.rows - first);
                form(first, rows * thread / members, rows * (thread + 1) / members, rows);
                barrier.wait();
                for (std::ptrdiff_t p = thread; p * w_.kernels.panel < P_; p += members) add_panel(p, rows * n_out_);
                if (thread == 0)
                    for (std::ptrdiff_t i = 0; i < rows * n_out_; ++i) squares += double(e_[i]) * double(e_[i]);
                barrier.wait();
            }
        });
        for (std::ptrdiff_t i = 0; i < P_; ++i)  // what was summed is the upper triangle
            for (std::ptrdiff_t j = 0; j < i; ++j) JTJ_[i * P_ + j] = JTJ_[j * P_ + i];
        return squares;
    }

private:
    // Errors and rows of J for rows [r0, r1) of a block of `rows` that begins at row `first` of the data.
    void form(std::ptrdiff_t first, std::ptrdiff_t r0, std::ptrdiff_t r1, std::ptrdiff_t rows) {
        if (r0 == r1) return;
        const Network& network = w_.network;
        const Kernels<T>& k = w_.kernels;
        for (std::ptrdiff_t r = r0; r < r1; ++r)
            std::copy_n(data_.X + (first + r) * data_.ldx, network.n_in(), w_.X + r * w_.ldx);
        for (std::size_t l = 0; l < w_.layers.size(); ++l) {
            const LayerMemory<T>& m = w_.layers[l];
            const Layer& layer = network.layers[l];
            T* A = m.A + r0 * m.ld;
            k.product({.rows = r1 - r0,
                       .K = layer.K,
                       .N = layer.N,
                       .A = inputs(l) + r0 * ld_of_inputs(l),
                       .lda = ld_of_inputs(l),
                       .panels = m.weights,
                       .bias = m.bias,
                       .C = A,
                       .ldc = m.ld});
            if (slope_needs_input(layer.activation))
                k.activate_with_slope(layer.activation, r1 - r0, layer.N, A, m.ld, m.slope + r0 * m.ld, m.ld);
            else
                k.activate(layer.activation, r1 - r0, layer.N, A, m.ld, A, m.ld);
        }
        const LayerMemory<T>& last = w_.layers.back();
        for (std::ptrdiff_t j = 0; j < n_out_; ++j) {
            for (std::ptrdiff_t r = r0; r < r1; ++r) {
                const std::ptrdiff_t row = first + r;
                const T y = data_.labels ? T(data_.labels[row] == j) : data_.Y[row * data_.ldy + j];
                e_[j * rows + r] = last.A[r * last.ld + j] - y;
                T* dz = last.dZ + r * last.ld;
                std::fill_n(dz, n_out_, T(0));
                dz[j] = 1;
            }
            back(r0, r1);
            for (std::ptrdiff_t r = r0; r < r1; ++r) write_row(r, J_ + (j * rows + r) * ldj_);
        }
    }

    // From the derivatives with respect to the outputs to those with respect to the weighted sums of every layer.
    void back(std::ptrdiff_t r0, std::ptrdiff_t r1) {
        const Kernels<T>& k = w_.kernels;
        for (std::size_t l = w_.layers.size(); l-- > 0;) {
            const LayerMemory<T>& m = w_.layers[l];
            const Layer& layer = w_.network.layers[l];
            T* dz = m.dZ + r0 * m.ld;
            if (l + 1 < w_.layers.size()) {
                const LayerMemory<T>& from = w_.layers[l + 1];
                k.product({.rows = r1 - r0,
                           .K = w_.network.layers[l + 1].N,
                           .N = layer.N,
                           .A = from.dZ + r0 * from.ld,
                           .lda = from.ld,
                           .panels = from.transposed ? from.transposed : from.weights,
                           .transposed = !from.transposed,
                           .C = dz,
                           .ldc = m.ld});
            }
            if (!slope_needs_input(layer.activation)) {
                k.activation_gradient(layer.activation, r1 - r0, layer.N, m.A + r0 * m.ld, m.ld, nullptr, 0, dz, m.ld,
                                      dz, m.ld);
                continue;
            }
            const T* slope = m.slope + r0 * m.ld;
            for (std::ptrdiff_t r = 0; r < r1 - r0; ++r)
                for (std::ptrdiff_t j = 0; j < layer.N; ++j) dz[r * m.ld + j] *= slope[r * m.ld + j];
        }
    }

    void write_row(std::ptrdiff_t r, T* to) const {
        for (std::size_t l = 0; l < w_.layers.size(); ++l) {
            const Layer& layer = w_.network.layers[l];
            const T *a = inputs(l) + r * ld_of_inputs(l), *dz = w_.layers[l].dZ + r * w_.layers[l].ld;
            for (std::ptrdiff_t i = 0; i < layer.K; ++i, to += layer.N)
                for (std::ptrdiff_t n = 0; n < layer.N; ++n) to[n] = a[i] * dz[n];
            if (w_.network.bias == BiasMode::unit) {
                to = std::copy_n(dz, layer.N, to);
            } else if (w_.network.bias == BiasMode::layer) {
                T sum = 0;
                for (std::ptrdiff_t n = 0; n < layer.N; ++n) sum += dz[n];
                *to++ = sum;
            }
        }
    }

    // Columns of one panel, down to the diagonal.
    void add_panel(std::ptrdiff_t p, std::ptrdiff_t errors) {
        const std::ptrdiff_t begin = p * w_.kernels.panel, end = std::min(begin + w_.kernels.panel, P_);
        w_.kernels.weight_gradient(
            {.rows = errors, .K = P_, .N = P_, .A = J_, .lda = ldj_, .dZ = J_, .ldz = ldj_, .gradient = block_}, p, 0,
            end);
        for (std::ptrdiff_t i = 0; i < end; ++i)
            for (std::ptrdiff_t c = begin; c < end; ++c) JTJ_[i * P_ + c] += block_[i * P_ + c];
        for (std::ptrdiff_t i = 0; i < errors; ++i)
            for (std::ptrdiff_t c = begin; c < end; ++c) JTe_[c] += J_[i * ldj_ + c] * e_[i];
    }

    const T* inputs(std::size_t l) const { return l ? w_.layers[l - 1].A : w_.X; }
    std::ptrdiff_t ld_of_inputs(std::size_t l) const { return l ? w_.layers[l - 1].ld : w_.ldx; }

    const Data<T>& data_;
    std::ptrdiff_t n_out_, P_, ldj_, rows_;
    Workspace<T> w_;
    Arena arena_;
    T *J_, *e_, *block_, *JTJ_, *JTe_;
};

}  // namespace

std::ptrdiff_t n_parameters(const Network& network) {
    std::ptrdiff_t n = 0;
    for (const Layer& layer : network.layers)
        n += layer.K * layer.N + (network.bias == BiasMode::unit ? layer.N : network.bias == BiasMode::layer ? 1 : 0);
    return n;
}

template <class T>
double normal_equations(const Network& network, const Parameters<T>& parameters, const Data<T>& data, T* JTJ, T* JTe,
                        int n_threads) {
    const double P = double(n_parameters(network)), errors = double(data.rows) * double(network.n_out());
    const int threads = resolve_threads(n_threads, errors * P * P / 2, work_of_a_call);
    return NormalEquations<T>(network, parameters, data, JTJ, JTe).run(threads);
}

template double normal_equations<float>(const Network&, const Parameters<float>&, const Data<float>&, float*, float*,
                                        int);
template double normal_equations<double>(const Network&, const Parameters<double>&, const Data<double>&, double*,
                                         double*, int);

}  // namespace chainrule
