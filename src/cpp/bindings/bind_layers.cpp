// Single steps of the mathematics on plain arrays: activations, losses, the update.
#include "bindings/arrays.hpp"
#include "runtime/buffer.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpu.hpp"

namespace chainrule::bindings {
namespace {

void activation(int kind, const py::array& Z, const py::array& out) {
    with_dtype(Z, [&]<class T>() {
        const Rows<T> z(Z);
        T* a = writable<T>(out, z.rows * z.columns);
        py::gil_scoped_release release;
        FlushToZero ftz;
        kernels<T>().activate(Activation(kind), z.rows, z.columns, z.data, z.ld, a, z.columns);
    });
}

void activation_gradient(int kind, const py::array& A, const py::array& dA, const py::array& out) {
    with_dtype(A, [&]<class T>() {
        const Rows<T> a(A), d(dA);
        require(a.rows == d.rows && a.columns == d.columns, "A and dA differ in shape");
        T* dz = writable<T>(out, a.rows * a.columns);
        py::gil_scoped_release release;
        FlushToZero ftz;
        kernels<T>().activation_gradient(Activation(kind), a.rows, a.columns, a.data, a.ld, d.data, d.ld, dz,
                                         a.columns);
    });
}

// Row by row, as the kernel works in place on a row of Z and the target may be a label.
template <class T>
double loss_and_gradient(Loss loss, Activation kind, const Data<T>& d, std::ptrdiff_t N, T* dZ) {
    const Kernels<T>& k = kernels<T>();
    Arena arena;
    arena.reserve<T>(N);
    arena.reserve<T>(N);
    arena.allocate();
    T *z = arena.take<T>(N), *y = arena.take<T>(N);
    const T mean = T(1) / T(d.rows);
    const T scale = loss == Loss::mean_squared_error ? T(2) / (T(d.rows) * T(N)) : mean;
    double sum = 0;
    for (std::ptrdiff_t r = 0; r < d.rows; ++r) {
        std::copy_n(d.X + r * d.ldx, N, z);
        if (d.labels) {
            std::fill_n(y, N, T(0));
            y[d.labels[r]] = 1;
        }
        double row = 0;
        k.output_loss(loss, kind, 1, N, scale, z, N, d.labels ? y : d.Y + r * d.ldy, N, dZ + r * N, N, &row);
        sum += row;
    }
    return sum / double(d.rows);
}

}  // namespace

void bind_layers(py::module_& m) {
    m.def("activation", activation);
    m.def("activation_gradient", activation_gradient);
    m.def("loss_and_gradient", [](int loss, int kind, const py::array& Z, const py::array& target) {
        return with_dtype(Z, [&]<class T>() -> py::tuple {
            require(Z.ndim() == 2, "Z must have two dimensions");
            const std::ptrdiff_t N = Z.shape(1);
            const Data<T> d = data<T>(N, N, Z, target);
            py::array_t<T> dZ({d.rows, N});
            T* out = dZ.mutable_data();
            double value;
            {
                py::gil_scoped_release release;
                FlushToZero ftz;
                value = loss_and_gradient(Loss(loss), Activation(kind), d, N, out);
            }
            return py::make_tuple(value, dZ);
        });
    });
    m.def("update", [](const py::array& w, const py::array& v, const py::array& g, double learning_rate,
                       double momentum, bool nesterov, double weight_decay) {
        with_dtype(w, [&]<class T>() {
            const std::ptrdiff_t n = w.size();
            T *weights = writable<T>(w, n), *velocity = writable<T>(v, n);
            const T* gradient = contiguous<T>(g, n);
            py::gil_scoped_release release;
            FlushToZero ftz;
            kernels<T>().update(n, {T(learning_rate), T(momentum), T(weight_decay), nesterov}, weights, velocity,
                                gradient);
        });
    });
}

}  // namespace chainrule::bindings
