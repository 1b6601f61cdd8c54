// dW = A^T dZ: to a plain array, to panels, or straight into an update; and what is packed for it.
#include <algorithm>

#include "cases.hpp"

namespace tests {
namespace {

enum class To { gradient, sums, update };

template <class T>
struct Case {
    std::ptrdiff_t rows, K, N;
    std::vector<T> A, dZ, W, V;
    std::vector<Real> dW;
    const Kernels<T>& k = kernels<T>();

    Case(std::ptrdiff_t rows_, std::ptrdiff_t K_, std::ptrdiff_t N_) : rows(rows_), K(K_), N(N_) {
        Numbers numbers(std::uint64_t(rows * 1000000 + K * 1000 + N));
        A = numbers.some<T>(rows * K);
        dZ = numbers.some<T>(rows * N);
        W = numbers.some<T>(K * N);
        V = numbers.some<T>(K * N);
        dW.resize(W.size());
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            for (std::ptrdiff_t i = 0; i < K; ++i)
                for (std::ptrdiff_t j = 0; j < N; ++j) {
                    Real& sum = dW[std::size_t(i * N + j)];
                    sum = sum + Real(A[std::size_t(r * K + i)]) * Real(dZ[std::size_t(r * N + j)]);
                }
    }

    std::ptrdiff_t room(std::ptrdiff_t depth, std::ptrdiff_t width) const {
        return up(depth, block) * up(width, k.lanes);
    }
    Guarded<T> panels(const std::vector<T>& from, End end) const {
        const Guarded<T> plain(from, end);
        Guarded<T> to(room(K, N), end, T(0));
        k.pack(K, N, plain, N, to);
        return to;
    }
    std::vector<T> plain(const T* panels, End end) const {
        const Guarded<T> to(K * N, end);
        k.unpack(K, N, panels, to, N);
        return to.copy();
    }

    // Column sums as well, as they are of the same operand.
    void run(To to, bool packs, bool nesterov, std::ptrdiff_t piece, std::ptrdiff_t gap, End end) const {
        begin_case("rows %td, K %td, N %td, to %d, packed %d, nesterov %d, pieces of %td, gap %td, end %d", rows, K, N,
                   int(to), packs, nesterov, piece, gap, int(end));
        const std::ptrdiff_t lda = K + gap, ldz = up(N, k.lanes) + gap;
        const Guarded<T> a(A, rows, K, lda, end);
        const Guarded<T> z(padded(rows, N, ldz, k.lanes), end, T(0));
        for (std::ptrdiff_t r = 0; r < rows; ++r) std::copy_n(dZ.data() + r * N, N, z + r * ldz);
        const Guarded<T> gradient(K * N, end), sums(room(K, N), end, T(0)), w = panels(W, end), v = panels(V, end);
        const Guarded<T> transposed(room(N, K), end, T(0)), packed(rows * std::min(K, piece) + k.lanes, end);
        const Sgd<T> sgd{T(0.11), T(0.7), T(0.06), nesterov};
        bool finite = true;
        for (std::ptrdiff_t k0 = 0; k0 < K; k0 += piece) {
            const std::ptrdiff_t k1 = std::min(K, k0 + piece);
            if (packs) k.pack_columns(rows, k1 - k0, a + k0, lda, packed);
            for (std::ptrdiff_t p = 0; p * k.panel < N; ++p)
                finite &= k.weight_gradient({.rows = rows,
                                             .K = K,
                                             .N = N,
                                             .A = a,
                                             .lda = lda,
                                             .dZ = z,
                                             .ldz = ldz,
                                             .gradient = to == To::gradient ? gradient.data() : nullptr,
                                             .sums = to == To::sums ? sums.data() : nullptr,
                                             .weights = w,
                                             .velocity = v,
                                             .transposed = gap ? nullptr : transposed.data(),
                                             .sgd = sgd,
                                             .packed = packs ? packed.data() : nullptr},
                                            p, k0, k1);
        }
        expect(finite, "finite numbers were not taken for such");
        if (to == To::update)
            compare_update(w, v, transposed, gap == 0, sgd, end);
        else
            compare_sums(to == To::sums ? plain(sums, end) : gradient.copy());
        const Guarded<T> by_columns(up(N, k.lanes), end);
        const Guarded<double> squares(N, end);
        k.column_sums(rows, N, z, ldz, by_columns);
        k.column_squares(rows, N, z, ldz, squares);
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            Real sum, square;
            for (std::ptrdiff_t r = 0; r < rows; ++r) {
                const Real number(dZ[std::size_t(r * N + j)]);
                sum = sum + number;
                square = square + number * number;
            }
            expect_near("column sum", 0, j, by_columns[j], sum, rows);
            expect_near("column square", 0, j, squares[j], square, rows + 1);
        }
    }

    void compare_sums(const std::vector<T>& found) const {
        for (std::size_t i = 0; i < found.size(); ++i)
            expect_near("dW", std::ptrdiff_t(i) / N, std::ptrdiff_t(i) % N, found[i], dW[i], rows + 1);
    }

    void compare_update(const T* w, const T* v, const T* transposed, bool has_transposed, const Sgd<T>& sgd,
                        End end) const {
        const std::vector<T> new_w = plain(w, end), new_v = plain(v, end);
        std::size_t zeros = 0;
        for (std::size_t i = 0; i < new_w.size(); ++i) {
            const std::ptrdiff_t row = std::ptrdiff_t(i) / N, column = std::ptrdiff_t(i) % N;
            const Real g = dW[i] + Real(sgd.weight_decay) * Real(W[i]), pull = Real(-sgd.learning_rate) * g;
            const Real velocity = Real(sgd.momentum) * Real(V[i]) + pull;
            const Real weight =
                sgd.nesterov ? Real(W[i]) + Real(sgd.momentum) * velocity + pull : Real(W[i]) + velocity;
            expect_near("velocity", row, column, new_v[i], velocity, rows + 4);
            expect_near("weight", row, column, new_w[i], weight, rows + 6);
            zeros += new_w[i] == 0;
        }
        for (std::ptrdiff_t i = 0; i < room(K, N); ++i) zeros -= w[i] == 0;
        expect(zeros + std::size_t(room(K, N) - K * N) == 0, "the padding of the panels did not stay zero");
        if (!has_transposed) return;
        const Guarded<T> back(K * N, end);
        k.unpack(N, K, transposed, back, K);
        bool same = true;
        for (std::ptrdiff_t i = 0; i < K; ++i)
            for (std::ptrdiff_t j = 0; j < N; ++j) same &= back[j * K + i] == new_w[std::size_t(i * N + j)];
        expect(same, "the transposed weights are not those");
    }
};

template <class T>
void all_ways(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N) {
    const Case<T> one(rows, K, N);
    int turn = int(rows + K + N);
    for (To to : {To::gradient, To::sums, To::update})
        for (bool packs : {false, true})
            for (End end : both_ends) {
                const std::ptrdiff_t piece = turn % 2 ? 32 : most_packed_columns;
                one.run(to, packs, turn % 3 == 0, piece, turn % 5 < 2 ? 3 : 0, end);
                ++turn;
            }
}

}  // namespace

template <class T>
void test_weight_gradients(const Options& options) {
    for (std::ptrdiff_t rows : heights(options))
        for (std::ptrdiff_t K : widths(options))
            for (std::ptrdiff_t N : widths(options)) all_ways<T>(rows, K, N);
    all_ways<T>(517, 17, 35);  // rows are cut
    all_ways<T>(20, 230, 20);  // more than are packed together
    if (!options.quick) all_ways<T>(1030, 33, 4);
}

template void test_weight_gradients<float>(const Options&);
template void test_weight_gradients<double>(const Options&);

}  // namespace tests
