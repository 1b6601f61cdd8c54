// C = epilogue(bias + A W), with W in every form that the kernel takes.
#include <algorithm>

#include "cases.hpp"

namespace tests {
namespace {

enum class Form { panels, row_major, transposed_panels, transposed_row_major };
constexpr Form forms[] = {Form::panels, Form::row_major, Form::transposed_panels, Form::transposed_row_major};
constexpr Epilogue epilogues[] = {Epilogue::store, Epilogue::relu, Epilogue::relu_gradient, Epilogue::times};

template <class T>
struct ProductCase {
    std::ptrdiff_t rows, K, N;
    std::vector<T> A, W, WT, bias, other;
    std::vector<Real> sums, with_bias;

    ProductCase(std::ptrdiff_t rows_, std::ptrdiff_t K_, std::ptrdiff_t N_) : rows(rows_), K(K_), N(N_) {
        Numbers numbers(std::uint64_t(rows * 1000000 + K * 1000 + N));
        A = numbers.some<T>(rows * K);
        W = numbers.some<T>(K * N);
        bias = numbers.some<T>(N);
        other = numbers.some<T>(rows * N);
        WT.resize(W.size());
        for (std::ptrdiff_t k = 0; k < K; ++k)
            for (std::ptrdiff_t j = 0; j < N; ++j) WT[std::size_t(j * K + k)] = W[std::size_t(k * N + j)];
        sums.resize(other.size());
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            for (std::ptrdiff_t k = 0; k < K; ++k)
                for (std::ptrdiff_t j = 0; j < N; ++j) {
                    Real& sum = sums[std::size_t(r * N + j)];
                    sum = sum + Real(A[std::size_t(r * K + k)]) * Real(W[std::size_t(k * N + j)]);
                }
        with_bias = sums;
        for (std::size_t i = 0; i < sums.size(); ++i) with_bias[i] = sums[i] + Real(bias[i % std::size_t(N)]);
    }

    Real wanted(std::size_t i, bool biased, Epilogue epilogue) const {
        const Real z = biased ? with_bias[i] : sums[i];
        switch (epilogue) {
            case Epilogue::relu: return {z.value > 0 ? z.value : 0, z.size};
            case Epilogue::relu_gradient: return other[i] > 0 ? z : Real(0, 0);
            case Epilogue::times: return z * Real(other[i]);
            default: return z;
        }
    }

    // W in that form: row-major without gaps, or panels.
    Guarded<T> operand(const Kernels<T>& k, Form form, End end) const {
        const bool transposed = form >= Form::transposed_panels;
        const Guarded<T> plain(transposed ? WT : W, end);
        if (form == Form::row_major || form == Form::transposed_row_major) return Guarded<T>(transposed ? WT : W, end);
        const std::ptrdiff_t depth = transposed ? N : K, width = transposed ? K : N;
        Guarded<T> panels(up(depth, block) * up(width, k.lanes), end, T(0));
        k.pack(depth, width, plain, width, panels);
        return panels;
    }

    void run(Form form, Epilogue epilogue, bool biased, bool packs, std::ptrdiff_t gap, End end) const {
        begin_case("rows %td, K %td, N %td, form %d, epilogue %d, bias %d, packed rows %d, gap %td, end %d", rows, K, N,
                   int(form), int(epilogue), biased, packs, gap, int(end));
        const Kernels<T>& k = kernels<T>();
        const std::ptrdiff_t lda = K + gap, ldc = up(N, k.lanes) + gap;
        const Guarded<T> a(A, rows, K, lda, end), b = operand(k, form, end), init(up(N, k.lanes), end, T(0));
        std::copy(bias.begin(), bias.end(), init.data());
        Guarded<T> o(padded(rows, N, ldc, k.lanes), end, T(1)), c(padded(rows, N, ldc, k.lanes), end);
        for (std::ptrdiff_t r = 0; r < rows; ++r) std::copy_n(other.data() + r * N, N, o + r * ldc);
        const Guarded<T> scratch(rows * K + k.lanes, end);
        const bool transposed = form >= Form::transposed_panels;
        const bool row_major = form == Form::row_major || form == Form::transposed_row_major;
        k.product({.rows = rows,
                   .K = K,
                   .N = N,
                   .A = a,
                   .lda = lda,
                   .panels = b,
                   .row_major = row_major ? (transposed ? K : N) : 0,
                   .transposed = transposed,
                   .bias = biased ? init.data() : nullptr,
                   .C = c,
                   .ldc = ldc,
                   .epilogue = epilogue,
                   .other = o,
                   .ldo = ldc,
                   .scratch = packs ? scratch.data() : nullptr,
                   .from_another_core = gap > 0});
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            for (std::ptrdiff_t j = 0; j < N; ++j)
                expect_near("C", r, j, c[r * ldc + j], wanted(std::size_t(r * N + j), biased, epilogue), K + 2);
    }
};

template <class T>
void all_ways(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N) {
    const ProductCase<T> one(rows, K, N);
    int turn = int(rows + K + N);  // each form meets each epilogue, over the sizes
    for (Form form : forms)
        for (bool packs : {false, true})
            for (End end : both_ends) {
                one.run(form, epilogues[turn % 4], turn % 3 > 0, packs, turn % 2 * 5, end);
                ++turn;
            }
}

}  // namespace

template <class T>
void test_products(const Options& options) {
    for (std::ptrdiff_t rows : heights(options))
        for (std::ptrdiff_t K : widths(options))
            for (std::ptrdiff_t N : widths(options)) all_ways<T>(rows, K, N);
    all_ways<T>(5, 431, 40);  // K is cut
    all_ways<T>(30, 209, 17);
    all_ways<T>(2, 20, 8 * 32 * 2 + 33);  // several groups of panels, and four panels at once
    if (options.quick) return;
    all_ways<T>(1, 300, 130);
    all_ways<T>(43, 650, 70);
}

template void test_products<float>(const Options&);
template void test_products<double>(const Options&);

}  // namespace tests
