// Rows that are more than 2^31 elements apart, in memory of which only what is used is there: an index that is computed in
// 32 bits falls into another place. And sizes of which nothing could be there, where only counting is done.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>

#include "model/choices.hpp"
#include "model/least_squares.hpp"
#include "model/predict.hpp"
#include "training.hpp"

namespace tests {
namespace {

constexpr std::ptrdiff_t far = (std::ptrdiff_t(1) << 31) + 5, rows = 3;
constexpr std::ptrdiff_t K = 9, N = 17, room = 64;

// Three rows of at most `room` elements, `far` apart.
template <class T>
class Sparse {
public:
    Sparse()
        : memory_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
    explicit Sparse(const std::vector<T>& from) : Sparse() {
        const std::ptrdiff_t width = std::ptrdiff_t(from.size()) / rows;
        for (std::ptrdiff_t r = 0; r < rows && there(); ++r)
            std::copy_n(from.data() + r * width, width, data() + r * far);
    }
    ~Sparse() {
        if (there()) munmap(memory_, bytes);
    }
    Sparse(const Sparse&) = delete;
    Sparse& operator=(const Sparse&) = delete;
    bool there() const { return memory_ != MAP_FAILED; }
    T* data() const { return static_cast<T*>(memory_); }
    operator T*() const { return data(); }
    void expect_same(const T* compact, std::ptrdiff_t ld, std::ptrdiff_t width, const char* what) const {
        bool same = true;
        for (std::ptrdiff_t r = 0; r < rows; ++r)
            same &= std::equal(compact + r * ld, compact + r * ld + width, data() + r * far);
        expect(same, what);
    }

private:
    static constexpr std::size_t bytes = (2 * far + room) * sizeof(T);
    void* memory_;
};

// Valgrind has room for 128 GB.
template <class... Arrays>
bool all_there(const Arrays&... arrays) {
    const bool all = (arrays.there() && ...);
    if (!all) std::printf("no addresses for rows that are 2^31 elements apart: left out\n");
    return all;
}

template <class T>
void kernels_far_apart() {
    begin_case("kernels");
    const Kernels<T>& k = kernels<T>();
    Numbers numbers(1);
    const std::vector<T> a = numbers.some<T>(rows * K), z = numbers.some<T>(rows * N), w = numbers.some<T>(rows * N);
    constexpr std::ptrdiff_t ld = 32;
    const Sparse<T> A(a), Z(z), W(w), C, slope;
    if (!all_there(A, Z, W, C, slope)) return;
    const Guarded<T> near_A(a, End::rear), near_Z(z, rows, N, ld, End::rear), near_W(w, End::rear);
    const Guarded<T> near_C(rows * ld, End::rear, T(0)), near_slope(rows * ld, End::rear, T(0)),
        dZ(rows * ld, End::rear, T(0));
    for (std::ptrdiff_t r = 0; r < rows; ++r) std::copy_n(z.data() + r * N, N, dZ + r * ld);

    for (bool transposed : {false, true}) {  // (3, K or 3) times (3, N) or (3, K) transposed
        const std::ptrdiff_t inner = transposed ? K : rows, width = transposed ? rows : N;
        k.product({.rows = rows,
                   .K = inner,
                   .N = width,
                   .A = A,
                   .lda = far,
                   .panels = transposed ? A : W,
                   .row_major = far,
                   .transposed = transposed,
                   .C = C,
                   .ldc = far,
                   .epilogue = Epilogue::times,
                   .other = Z,
                   .ldo = far});
        k.product({.rows = rows,
                   .K = inner,
                   .N = width,
                   .A = near_A,
                   .lda = K,
                   .panels = transposed ? near_A : near_W,
                   .row_major = transposed ? K : N,
                   .transposed = transposed,
                   .C = near_C,
                   .ldc = ld,
                   .epilogue = Epilogue::times,
                   .other = dZ,
                   .ldo = ld});
        C.expect_same(near_C, ld, width, "a product");
    }
    const Guarded<T> sums(K * N, End::rear), near_sums(K * N, End::rear), packed(rows * K + k.lanes, End::rear);
    k.pack_columns(rows, K, A, far, packed);
    for (std::ptrdiff_t p = 0; p * k.panel < N; ++p) {
        k.weight_gradient(
            {.rows = rows, .K = K, .N = N, .A = A, .lda = far, .dZ = Z, .ldz = far, .gradient = sums, .packed = packed},
            p, 0, K);
        k.weight_gradient(
            {.rows = rows, .K = K, .N = N, .A = near_A, .lda = K, .dZ = dZ, .ldz = ld, .gradient = near_sums}, p, 0, K);
    }
    expect(std::equal(sums.data(), sums + K * N, near_sums.data()), "dW");
    const Guarded<T> by_column(ld, End::rear), near_by_column(ld, End::rear);
    k.column_sums(rows, N, Z, far, by_column);
    k.column_sums(rows, N, dZ, ld, near_by_column);
    expect(std::equal(by_column.data(), by_column + N, near_by_column.data()), "column sums");

    k.activate(Activation::tanh, rows, N, Z, far, C, far);
    k.activate(Activation::tanh, rows, N, dZ, ld, near_C, ld);
    C.expect_same(near_C, ld, N, "activations");
    k.activation_gradient(Activation::gelu, rows, N, C, far, Z, far, Z, far, slope, far);
    k.activation_gradient(Activation::gelu, rows, N, near_C, ld, dZ, ld, dZ, ld, near_slope, ld);
    slope.expect_same(near_slope, ld, N, "gradients of activations");
    k.activate_with_slope(Activation::mish, rows, N, C, far, slope, far);
    k.activate_with_slope(Activation::mish, rows, N, near_C, ld, near_slope, ld);
    k.dropout(Activation::mish, rows, N, C, far, near_W, slope, far);
    k.dropout(Activation::mish, rows, N, near_C, ld, near_W, near_slope, ld);
    slope.expect_same(near_slope, ld, N, "slopes");
    double loss[rows], near_loss[rows];
    k.output_loss({}, Activation::sigmoid, rows, N, T(1), nullptr, C, far, Z, far, slope, far, loss);
    k.output_loss({}, Activation::sigmoid, rows, N, T(1), nullptr, near_C, ld, dZ, ld, near_slope, ld, near_loss);
    slope.expect_same(near_slope, ld, N, "gradients of losses");
    expect(std::equal(loss, loss + rows, near_loss), "losses");

    const Guarded<T> panels(block * up(N, block), End::rear, T(0)), groups(rows * up(N, block), End::rear, T(0));
    k.pack(rows, N, W, far, panels);
    k.unpack(rows, N, panels, C, far);
    C.expect_same(w.data(), N, N, "panels");
    k.pack_plan(rows, N, W, far, groups);
    k.unpack_plan(rows, N, groups, slope, far);
    slope.expect_same(w.data(), N, N, "groups of a plan");
}

template <class T>
void model_far_apart(End end) {
    begin_case("model, end %d", int(end));
    const Shape shape{{K, 20, N}};
    const Network network = shape.network();
    const Rows<T> data(shape, rows, end);
    const Sparse<T> X(data.x), Y(data.y);
    if (!all_there(X, Y)) return;
    const Arrays<T> parameters(network, end, 1);
    const Guarded<T> out(rows * N, end), near_out(rows * N, end);
    predict(network, parameters.pointers(), rows, X.data(), far, out.data(), 2);
    predict(network, parameters.pointers(), rows, data.X.data(), K, near_out.data(), 2);
    expect(std::equal(out.data(), out + out.size(), near_out.data()), "predictions");
    const Guarded<T> W(Numbers(3).some<T>(K * N), end), dX(rows * K, end), dW(K * N, end), db(N, end);
    const Guarded<T> near_dX(rows * K, end), near_dW(K * N, end), near_db(N, end);
    matmul_gradients<T>(rows, K, N, X, far, W, Y, far, dX, dW, db, 1);
    matmul_gradients<T>(rows, K, N, data.X, K, W, data.Y, N, near_dX, near_dW, near_db, 1);
    expect(std::equal(dX.data(), dX + dX.size(), near_dX.data()), "dX");
    expect(std::equal(dW.data(), dW + dW.size(), near_dW.data()), "dW");
    Run<T> run(shape, data, end), near_run(shape, data, end);
    run.request.data.X = X;
    run.request.data.Y = Y;
    run.request.data.ldx = run.request.data.ldy = far;
    for (Run<T>* one : {&run, &near_run}) {
        one->request.rule.learning_rate = 0.01;
        one->request.batch_size = 2;
        expect(one->go() == Stop::finished, "training did not come to its end");
    }
    expect(run.parameters == near_run.parameters, "training");
    const std::ptrdiff_t P = n_parameters(network);
    const Guarded<T> JTJ(P * P, end), JTe(P, end), near_JTJ(P * P, end), near_JTe(P, end);
    normal_equations<T>(network, parameters.pointers(), run.request.data, JTJ, JTe, 1);
    normal_equations<T>(network, parameters.pointers(), near_run.request.data, near_JTJ, near_JTe, 1);
    expect(std::equal(JTJ.data(), JTJ + JTJ.size(), near_JTJ.data()), "normal equations");
}

template <class T>
void counts_only() {
    begin_case("counts");
    constexpr std::ptrdiff_t million = 1 << 20;
    const Shape wide{{million, million, million}, Activation::relu};
    expect(n_parameters(wide.network()) == 2 * (million * million + million), "the number of parameters");
    const Choices made = choices<T>(wide.network(), million, 2, {}, {}, true, false);
    const auto weights = std::size_t(2) * million * million * sizeof(T);
    // Weights and velocity; A and dZ of both layers, X and Y; more is packed operands.
    expect(made.bytes > 2 * weights + 3 * weights, "bytes of a run");
    expect(made.work == 5 * double(million) * double(million) * double(million), "work of a step");
}

}  // namespace

template <class T>
void test_huge_strides(const Options&) {
    counts_only<T>();
    kernels_far_apart<T>();
    for (End end : both_ends) model_far_apart<T>(end);
}

template void test_huge_strides<float>(const Options&);
template void test_huge_strides<double>(const Options&);

}  // namespace tests
