#include "model/measured_rows.hpp"

#include <cmath>

#include "model/loss_of_rows.hpp"
#include "model/predict.hpp"
#include "runtime/cpu.hpp"
#include "runtime/fpu.hpp"

namespace chainrule {
namespace {

// With several outputs the class is the first of the largest, with one whether that is at least 0.5; none where one is NaN.
template <class T>
std::int64_t class_of(const T* A, std::ptrdiff_t N) {
    if (std::any_of(A, A + N, [](T a) { return std::isnan(a); })) return -1;
    if (N == 1) return A[0] >= T(0.5);
    return std::max_element(A, A + N) - A;
}

}  // namespace

template <class T>
MeasuredRows<T>::MeasuredRows(const Network& network, const Data<T>& data, const LossNumbers& loss, bool wants_loss,
                              const std::int64_t* classes, int n_threads)
    : sums_(network), output_(network.layers.back().activation), data_(data), loss_(loss), wants_loss_(wants_loss),
      classes_(classes), n_threads_(n_threads), Z_(static_cast<std::size_t>(data.rows * network.n_out())),
      dZ_(wants_loss ? Z_.size() : 0) {
    sums_.layers.back().activation = Activation::identity;
}

template <class T>
void MeasuredRows<T>::measure(const Parameters<T>& parameters) {
    predict(sums_, parameters, data_.rows, data_.X, data_.ldx, Z_.data(), n_threads_);
    const FlushToZero ftz;
    if (wants_loss_) {
        Data<T> sums = data_;
        sums.X = Z_.data();
        sums.ldx = sums_.n_out();
        losses.push_back(loss_of_rows(loss_, output_, sums, sums.ldx, dZ_.data()));
    }
    if (classes_) accuracies.push_back(accuracy());
}

template <class T>
double MeasuredRows<T>::accuracy() {
    const std::ptrdiff_t N = sums_.n_out();
    T* A = Z_.data();
    kernels<T>().activate(output_, data_.rows, N, A, N, A, N);
    std::ptrdiff_t right = 0;
    for (std::ptrdiff_t r = 0; r < data_.rows; ++r) right += class_of(A + r * N, N) == classes_[r];
    return double(right) / double(data_.rows);
}

template class MeasuredRows<float>;
template class MeasuredRows<double>;

}  // namespace chainrule
