// Random words, permutations, dropout masks, noise: functions of their arguments alone.
#include "bindings/arrays.hpp"
#include "runtime/cpu.hpp"

namespace chainrule::bindings {

void bind_random(py::module_& m) {
    m.def("random_words",
          [](std::ptrdiff_t n, std::uint64_t seed, std::uint32_t stream, std::uint64_t step, std::uint64_t start) {
              py::array_t<std::uint32_t> words(n);
              std::uint32_t* out = words.mutable_data();
              {
                  const WithoutGil released;
                  kernels<float>().random_words(seed, stream, step, start, n, out);
              }
              return words;
          });
    m.def("permutation", [](std::ptrdiff_t n, std::uint64_t seed, std::uint64_t epoch) {
        require(n < (std::ptrdiff_t(1) << 32), "a permutation of 2^32 rows or more");
        py::array_t<std::int64_t> order(n);
        std::int64_t* out = order.mutable_data();
        {
            const WithoutGil released;
            Shuffler(kernels<float>(), n)(seed, epoch, out);
        }
        return order;
    });
    m.def("dropout_mask", [](const py::array& out, double rate, std::uint64_t seed, std::uint64_t step,
                             std::int32_t layer) {
        with_dtype(out, [&]<class T>() {
            T* mask = writable<T>(out, out.size());
            const std::ptrdiff_t count = out.size();
            const WithoutGil released;
            const std::uint32_t stream =
                layer < 0 ? input_dropout_stream : dropout_stream + static_cast<std::uint32_t>(layer);
            kernels<T>().dropout_mask(seed, stream, step, 0, count, dropout_threshold(rate), T(1 / (1 - rate)), mask);
        });
    });
    m.def("gaussian_noise", [](const py::array& out, std::uint64_t seed, std::uint64_t step) {
        with_dtype(out, [&]<class T>() {
            T* noise = writable<T>(out, out.size());
            const std::ptrdiff_t count = out.size();
            const WithoutGil released;
            kernels<T>().gaussian_noise(seed, input_noise_stream, step, 0, count, noise);
        });
    });
}

}  // namespace chainrule::bindings
