// The layouts of weights: to panels and back, transposed whole and in parts, and the limit of the norms of their columns.
#include <algorithm>

#include "cases.hpp"

namespace tests {
namespace {

template <class T>
struct Case {
    std::ptrdiff_t K, N;
    std::vector<T> W;
    const Kernels<T>& k = kernels<T>();

    Case(std::ptrdiff_t K_, std::ptrdiff_t N_) : K(K_), N(N_) {
        W = Numbers(std::uint64_t(K * 1000 + N)).some<T>(K * N);
    }
    std::ptrdiff_t room(std::ptrdiff_t depth, std::ptrdiff_t width) const {
        return up(depth, block) * up(width, k.lanes);
    }

    // What is between the rows of W is not to be touched: 7 stays 7.
    Guarded<T> with_gaps(std::ptrdiff_t ldw, End end) const { return Guarded<T>(W, K, N, ldw, end, T(7)); }
    void expect_same(const T* found, std::ptrdiff_t ldw, const char* what) const {
        bool same = true;
        for (std::ptrdiff_t i = 0; i < K; ++i)
            for (std::ptrdiff_t j = 0; j < ldw; ++j)
                if (j < N || i + 1 < K) same &= found[i * ldw + j] == (j < N ? W[std::size_t(i * N + j)] : T(7));
        expect(same, what);
    }

    void layouts(std::ptrdiff_t gap, End end) const {
        begin_case("K %td, N %td, gap %td, end %d", K, N, gap, int(end));
        const std::ptrdiff_t ldw = N + gap;
        const Guarded<T> plain = with_gaps(ldw, end), panels(room(K, N), end, T(0)), transposed(room(N, K), end, T(0));
        const Guarded<T> parts(room(N, K), end, T(0)), back((K - 1) * ldw + N, end, T(7));
        k.pack(K, N, plain, ldw, panels);
        k.unpack(K, N, panels, back, ldw);
        expect_same(back, ldw, "what came back from the panels is not W");
        k.transpose_panels(K, N, panels, transposed);
        for (std::ptrdiff_t p = 0; p * k.panel < N; ++p)
            for (std::ptrdiff_t k0 = 0; k0 < K; k0 += 2 * block)
                k.transpose_part(K, N, p, k0, std::min(k0 + 2 * block, K), panels, parts);
        expect(std::equal(parts.data(), parts + parts.size(), transposed.data()), "the parts are not the whole");
        const Guarded<T> columns(K * N, end);
        k.unpack(N, K, transposed, columns, K);
        bool same = true;
        for (std::ptrdiff_t i = 0; i < K; ++i)
            for (std::ptrdiff_t j = 0; j < N; ++j) same &= columns[j * K + i] == W[std::size_t(i * N + j)];
        expect(same, "the transposed panels are not those of W^T");

        const Guarded<T> groups(K * up(N, k.lanes), end), from_groups((K - 1) * ldw + N, end, T(7));
        k.pack_plan(K, N, plain, ldw, groups);
        k.unpack_plan(K, N, groups, from_groups, ldw);
        expect_same(from_groups, ldw, "what came back from the groups of a plan is not W");
        add_answers(from_groups.data(), from_groups.size());
    }

    void norms(End end) const {
        begin_case("norms of K %td, N %td, end %d", K, N, int(end));
        const T most = T(0.5) * std::sqrt(T(K) / 3);  // half of the columns' length
        const Guarded<T> plain(W, end), panels(room(K, N), end, T(0)), transposed(room(N, K), end, T(0)),
            back(K * N, end);
        k.pack(K, N, plain, N, panels);
        const bool with_transposed = end == End::rear;
        for (std::ptrdiff_t p = 0; p * k.panel < N; ++p)
            k.limit_norms(K, N, p, most, panels, with_transposed ? transposed.data() : nullptr);
        k.unpack(K, N, panels, back, N);
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            long double squares = 0;
            for (std::ptrdiff_t i = 0; i < K; ++i)
                squares += static_cast<long double>(W[std::size_t(i * N + j)]) * W[std::size_t(i * N + j)];
            const long double factor = std::min(1.0L, static_cast<long double>(most) / std::sqrt(squares));
            for (std::ptrdiff_t i = 0; i < K; ++i)
                expect_near("limited weight", i, j, back[i * N + j], Real(W[std::size_t(i * N + j)] * factor), K + 4);
        }
        if (!with_transposed) return;
        const Guarded<T> columns(K * N, end);
        k.unpack(N, K, transposed, columns, K);
        bool same = true;
        for (std::ptrdiff_t i = 0; i < K; ++i)
            for (std::ptrdiff_t j = 0; j < N; ++j) same &= columns[j * K + i] == back[i * N + j];
        expect(same, "the transposed weights are not those");
    }
};

}  // namespace

template <class T>
void test_panels(const Options& options) {
    for (std::ptrdiff_t K : widths(options))
        for (std::ptrdiff_t N : widths(options))
            for (End end : both_ends) {
                const Case<T> one(K, N);
                one.layouts(0, end);
                one.layouts(3, end);
                one.norms(end);
            }
    for (End end : both_ends) Case<T>(5, 8 * 32 + 17).layouts(1, end);  // more panels than are copied together
}

template void test_panels<float>(const Options&);
template void test_panels<double>(const Options&);

}  // namespace tests
