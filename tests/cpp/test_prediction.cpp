// Prediction of many rows, and the gradients of a single layer: both read and write the caller's arrays to their very ends.
#include <algorithm>

#include "model/predict.hpp"
#include "networks.hpp"

namespace tests {
namespace {

// Against paper where that is soon done; on one, two and three threads, whose bits are to be the same.
template <class T>
void predicts(const Shape& shape, std::ptrdiff_t rows, std::ptrdiff_t gap, End end, bool on_paper) {
    begin_case("%s, rows %td, gap %td, end %d", shape.text().c_str(), rows, gap, int(end));
    const Network network = shape.network();
    const std::ptrdiff_t n_in = network.n_in(), n_out = network.n_out();
    const Arrays<T> parameters(network, end, 1);
    const Rows<T> data(shape, rows, end, gap);
    std::vector<T> first;
    for (int threads : {1, 2, 3}) {
        const Guarded<T> out(rows * n_out, end);
        predict(network, parameters.pointers(), rows, data.X.data(), data.ldx, out.data(), threads);
        if (threads == 1) first = out.copy();
        expect(std::equal(first.begin(), first.end(), out.data()), "other bits on several threads");
    }
    add_answers(first.data(), rows * n_out);
    if (!on_paper) return;
    const OnPaper paper = as_on_paper(parameters);
    for (std::ptrdiff_t r = 0; r < rows; ++r) {
        const T* x = data.x.data() + r * n_in;
        const std::vector<Real> wanted = outputs_on_paper(shape, paper, std::vector<Real>(x, x + n_in));
        for (std::ptrdiff_t j = 0; j < n_out; ++j)
            if (!is_near(first[std::size_t(r * n_out + j)], wanted[std::size_t(j)], roundings_of(shape, 0)))
                fail_far("output", r, j, first[std::size_t(r * n_out + j)], wanted[std::size_t(j)]);
    }
}

template <class T>
void layer_gradients(std::ptrdiff_t rows, std::ptrdiff_t K, std::ptrdiff_t N, std::ptrdiff_t gap, End end,
                     bool on_paper) {
    begin_case("rows %td, K %td, N %td, gap %td, end %d", rows, K, N, gap, int(end));
    Numbers numbers(std::uint64_t(rows + K * 100 + N * 10000));
    const std::vector<T> x = numbers.some<T>(rows * K), w = numbers.some<T>(K * N), dz = numbers.some<T>(rows * N);
    const std::ptrdiff_t ldx = K + gap, ldz = N + gap;
    const Guarded<T> X(x, rows, K, ldx, end), W(w, end), dZ(dz, rows, N, ldz, end);
    std::vector<T> first[3];
    for (int threads : {1, 2, 3}) {
        const Guarded<T> dX(rows * K, end), dW(K * N, end), db(N, end);
        matmul_gradients<T>(rows, K, N, X, ldx, W, dZ, ldz, dX, dW, db, threads);
        const Guarded<T>* found[] = {&dX, &dW, &db};
        for (int i = 0; i < 3; ++i) {
            if (threads == 1) first[i] = found[i]->copy();
            expect(std::equal(first[i].begin(), first[i].end(), found[i]->data()), "other bits on several threads");
        }
    }
    for (const auto& part : first) add_answers(part.data(), std::ptrdiff_t(part.size()));
    if (!on_paper) return;
    std::vector<Real> dX(x.size()), dW(w.size()), db(static_cast<std::size_t>(N));
    for (std::ptrdiff_t r = 0; r < rows; ++r)
        for (std::ptrdiff_t j = 0; j < N; ++j) {
            const Real d(dz[std::size_t(r * N + j)]);
            db[std::size_t(j)] = db[std::size_t(j)] + d;
            for (std::ptrdiff_t k = 0; k < K; ++k) {
                const std::size_t xi = std::size_t(r * K + k), wi = std::size_t(k * N + j);
                dX[xi] = dX[xi] + d * Real(w[wi]);
                dW[wi] = dW[wi] + Real(x[xi]) * d;
            }
        }
    const std::vector<Real>* wanted[] = {&dX, &dW, &db};
    for (int i = 0; i < 3; ++i)
        for (std::size_t at = 0; at < first[i].size(); ++at)
            if (!is_near(first[i][at], (*wanted[i])[at], std::max(rows, N) + 1))
                fail_far(i == 0 ? "dX" : i == 1 ? "dW" : "db", 0, std::ptrdiff_t(at), first[i][at], (*wanted[i])[at]);
}

}  // namespace

template <class T>
void test_prediction(const Options& options) {
    for (End end : both_ends) {
        for (std::ptrdiff_t N : widths(options))
            for (std::ptrdiff_t rows : {1, 2, 15, 33}) {
                predicts<T>({{N, 13, N}, Activation::tanh, Activation::softmax}, rows, 0, end, true);
                predicts<T>({{3, N, 5, N}, Activation::relu, Activation::relu, BiasMode::layer}, rows, 3, end, true);
                predicts<T>({{N, N}, Activation::relu, Activation::mish, BiasMode::none}, rows, 1, end, true);
            }
        // Packed weights, and blocks that threads take from each other; packed rows.
        predicts<T>({{7, 33, 17, 3}, Activation::relu, Activation::sigmoid}, 449, 0, end, false);
        predicts<T>({{5, 65, 1}, Activation::gelu}, 1000, 2, end, false);
        predicts<T>({{513, 257, 3}, Activation::relu}, options.quick ? 449 : 700, 0, end, false);
        begin_case("no rows");
        const Shape shape{{3, 2}};
        predict<T>(shape.network(), Arrays<T>(shape.network(), end, 1).pointers(), 0, nullptr, 3, nullptr, 1);
    }
}

template <class T>
void test_layer_gradients(const Options& options) {
    for (End end : both_ends) {
        for (std::ptrdiff_t K : widths(options))
            for (std::ptrdiff_t N : widths(options))
                for (std::ptrdiff_t rows : {1, 7, 17}) layer_gradients<T>(rows, K, N, rows % 2 * 3, end, true);
        layer_gradients<T>(0, 5, 7, 0, end, false);
        layer_gradients<T>(600, 20, 31, 0, end, false);
        if (options.quick) continue;
        layer_gradients<T>(4100, 260, 257, 0, end, false);  // operands are packed
        layer_gradients<T>(5, 1031, 1030, 1, end, false);
    }
}

template void test_prediction<float>(const Options&);
template void test_prediction<double>(const Options&);
template void test_layer_gradients<float>(const Options&);
template void test_layer_gradients<double>(const Options&);

}  // namespace tests
