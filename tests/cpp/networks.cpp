#include "networks.hpp"

#include <algorithm>

#include "formulas.hpp"

namespace tests {

Network Shape::network() const {
    Network network{{}, bias, input_dropout, input_noise};
    for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
        const bool last = l + 2 == sizes.size();
        network.layers.push_back({sizes[l], sizes[l + 1], last ? output : hidden, last ? 0 : dropout});
    }
    return network;
}

std::string Shape::text() const {
    std::string text;
    for (std::ptrdiff_t size : sizes) {
        text += std::to_string(size);
        text += ' ';
    }
    for (const char* part : {chainrule::activation_names[int(hidden)], " ", chainrule::activation_names[int(output)]})
        text += part;
    text += " bias ";
    text += std::to_string(int(bias));
    if (dropout > 0) text += " dropout";
    if (input_noise > 0) text += " noise";
    return text;
}

template <class T>
Arrays<T>::Arrays(const Network& network, End end, std::uint64_t seed, T scale) {
    Numbers numbers(seed);
    for (const Layer& layer : network.layers) {
        weights.emplace_back(numbers.some<T>(layer.K * layer.N, scale / std::sqrt(T(layer.K))), end);
        if (network.bias != BiasMode::none)
            biases.emplace_back(numbers.some<T>(network.bias == BiasMode::layer ? 1 : layer.N, scale), end);
    }
}

template <class T>
Arrays<T>::Arrays(const Arrays& other, End end) {
    for (const Guarded<T>& w : other.weights) weights.emplace_back(w.copy(), end);
    for (const Guarded<T>& b : other.biases) biases.emplace_back(b.copy(), end);
}

template <class T>
Parameters<T> Arrays<T>::pointers() const {
    Parameters<T> pointers;
    for (const Guarded<T>& w : weights) pointers.weights.push_back(w);
    for (const Guarded<T>& b : biases) pointers.biases.push_back(b);
    return pointers;
}

template <class T>
void Arrays<T>::add_to_answers() const {
    for (const Guarded<T>& w : weights) add_answers(w.data(), w.size());
    for (const Guarded<T>& b : biases) add_answers(b.data(), b.size());
}

template <class T>
bool Arrays<T>::operator==(const Arrays& other) const {
    bool same = true;
    for (std::size_t l = 0; l < weights.size(); ++l) {
        same &= std::equal(weights[l].data(), weights[l] + weights[l].size(), other.weights[l].data());
        if (!biases.empty()) same &= std::equal(biases[l].data(), biases[l] + biases[l].size(), other.biases[l].data());
    }
    return same;
}

namespace {

template <class T>
std::vector<T> targets(const Shape& shape, std::ptrdiff_t rows, bool missing) {
    std::vector<T> y = Numbers(std::uint64_t(rows) + 5).some<T>(rows * shape.sizes.back());
    for (T& one : y) one = (one + 1) / 2;
    for (std::size_t i = 0; missing && i < y.size(); i += 5) y[i] = std::numeric_limits<T>::quiet_NaN();
    return y;
}

std::vector<std::int64_t> classes(const Shape& shape, std::ptrdiff_t rows) {
    std::vector<std::int64_t> labels(static_cast<std::size_t>(rows));
    for (std::size_t r = 0; r < labels.size(); ++r) labels[r] = std::int64_t(r) * 7 % shape.sizes.back();
    return labels;
}

}  // namespace

template <class T>
Rows<T>::Rows(const Shape& shape, std::ptrdiff_t rows_, End end, std::ptrdiff_t gap, bool labels_, bool weights_,
              bool missing_)
    : rows(rows_), ldx(shape.sizes.front() + gap), ldy(shape.sizes.back() + gap), has_labels(labels_),
      has_weights(weights_), has_missing(missing_), x(Numbers(std::uint64_t(rows)).some<T>(rows * shape.sizes.front())),
      y(targets<T>(shape, rows, missing_)), X(x, rows, shape.sizes.front(), ldx, end, T(7)),
      Y(y, rows, shape.sizes.back(), ldy, end, T(7)), weight(rows, end), labels(classes(shape, rows), end) {
    for (std::ptrdiff_t r = 0; r < rows; ++r) weight[r] = T(r % 4) / 2;
}

template <class T>
Data<T> Rows<T>::data() const {
    return {rows,
            X,
            ldx,
            has_labels ? nullptr : Y.data(),
            ldy,
            has_labels ? labels.data() : nullptr,
            has_weights ? weight.data() : nullptr,
            has_missing};
}

template <class T>
OnPaper as_on_paper(const Arrays<T>& parameters) {
    OnPaper paper;
    for (const Guarded<T>& w : parameters.weights) paper.weights.emplace_back(w.data(), w + w.size());
    for (const Guarded<T>& b : parameters.biases) paper.biases.emplace_back(b.data(), b + b.size());
    return paper;
}

namespace {

// Weighted sums and outputs of all layers for one row; A[0] is the row.
struct Pass {
    std::vector<std::vector<Real>> Z, A;
};

Pass forward(const Shape& shape, const OnPaper& parameters, const std::vector<Real>& row) {
    Pass pass{{}, {row}};
    const std::size_t layers = shape.sizes.size() - 1;
    for (std::size_t l = 0; l < layers; ++l) {
        const std::size_t K = std::size_t(shape.sizes[l]), N = std::size_t(shape.sizes[l + 1]);
        std::vector<Real> z(N), a(N);
        for (std::size_t j = 0; j < N; ++j) {
            if (shape.bias != BiasMode::none) z[j] = parameters.biases[l][shape.bias == BiasMode::layer ? 0 : j];
            for (std::size_t k = 0; k < K; ++k) z[j] = z[j] + pass.A[l][k] * parameters.weights[l][k * N + j];
        }
        const Activation kind = l + 1 == layers ? shape.output : shape.hidden;
        long double most = z[0].value, sum = 0, size = 0;
        for (const Real& x : z) most = std::max(most, x.value), size = std::max(size, x.size);
        for (const Real& x : z) sum += std::exp(x.value - most);
        for (std::size_t j = 0; j < N; ++j) {
            if (kind == Activation::softmax) {
                const long double p = std::exp(z[j].value - most) / sum;
                a[j] = Real(p, p * (1 + size));
            } else {
                a[j] = z[j].mapped(activated(kind, z[j].value), slope(kind, z[j].value));
            }
        }
        pass.Z.push_back(z);
        pass.A.push_back(a);
    }
    return pass;
}

}  // namespace

std::vector<Real> outputs_on_paper(const Shape& shape, const OnPaper& parameters, const std::vector<Real>& row) {
    return forward(shape, parameters, row).A.back();
}

template <class T>
OnPaper gradients_on_paper(const Shape& shape, const OnPaper& parameters, const Rows<T>& rows, Loss loss,
                           std::ptrdiff_t first, std::ptrdiff_t count) {
    OnPaper sum{{}, {}, Real(0)};
    for (const auto& w : parameters.weights) sum.weights.emplace_back(w.size());
    for (const auto& b : parameters.biases) sum.biases.emplace_back(b.size());
    const std::size_t layers = shape.sizes.size() - 1, n_in = std::size_t(shape.sizes.front()),
                      n_out = std::size_t(shape.sizes.back());
    long double total = 0;
    for (std::ptrdiff_t r = first; r < first + count; ++r) total += rows.has_weights ? rows.weight[r] : T(1);
    for (std::ptrdiff_t r = first; r < first + count; ++r) {
        const T* x = rows.x.data() + r * std::ptrdiff_t(n_in);
        const Pass pass = forward(shape, parameters, std::vector<Real>(x, x + n_in));
        const long double share = (rows.has_weights ? static_cast<long double>(rows.weight[r]) : 1) / total;
        const bool mean = loss == Loss::mean_squared_error, classes = loss == Loss::cross_entropy;
        std::vector<Real> dZ(n_out);
        for (std::size_t j = 0; j < n_out; ++j) {
            const Real y =
                rows.has_labels ? Real(rows.labels[r] == std::int64_t(j)) : Real(rows.y[std::size_t(r) * n_out + j]);
            const Real a = pass.A.back()[j], e = a - y;
            const Real squares = Real(e.value * e.value, e.size * e.size) * Real(mean ? 1.0L / n_out : 0.5L);
            const long double term = classes && y.value != 0 ? -y.value * std::log(a.value) : 0;
            const Real entropy(term, std::fabs(term) + y.size * (1 + std::log(1.0L * n_out) + pass.Z.back()[j].size));
            sum.loss = sum.loss + (classes ? entropy : squares) * Real(share);
            const long double z = pass.Z.back()[j].value;
            const Real f = classes ? Real(1) : pass.Z.back()[j].mapped(slope(shape.output, z), 1);
            dZ[j] = e * f * Real(share * (mean ? 2.0L / n_out : 1));
        }
        for (std::size_t l = layers; l-- > 0;) {
            const std::size_t K = std::size_t(shape.sizes[l]), N = std::size_t(shape.sizes[l + 1]);
            for (std::size_t j = 0; j < N; ++j) {
                for (std::size_t k = 0; k < K; ++k)
                    sum.weights[l][k * N + j] = sum.weights[l][k * N + j] + pass.A[l][k] * dZ[j];
                if (shape.bias == BiasMode::none) continue;
                Real& b = sum.biases[l][shape.bias == BiasMode::layer ? 0 : j];
                b = b + dZ[j];
            }
            if (l == 0) break;
            std::vector<Real> before(K);
            for (std::size_t k = 0; k < K; ++k) {
                for (std::size_t j = 0; j < N; ++j) before[k] = before[k] + dZ[j] * parameters.weights[l][k * N + j];
                const Real& z = pass.Z[l - 1][k];
                before[k] = before[k] * z.mapped(slope(shape.hidden, z.value), 1);
            }
            dZ = before;
        }
    }
    return sum;
}

std::ptrdiff_t roundings_of(const Shape& shape, std::ptrdiff_t rows) {
    std::ptrdiff_t sum = rows + 16;
    for (std::size_t l = 0; l + 1 < shape.sizes.size(); ++l) sum += shape.sizes[l] + shape.sizes[l + 1] + 24;
    return sum;
}

template class Arrays<float>;
template class Arrays<double>;
template struct Rows<float>;
template struct Rows<double>;
template OnPaper as_on_paper(const Arrays<float>&);
template OnPaper as_on_paper(const Arrays<double>&);
template OnPaper gradients_on_paper(const Shape&, const OnPaper&, const Rows<float>&, Loss, std::ptrdiff_t,
                                    std::ptrdiff_t);
template OnPaper gradients_on_paper(const Shape&, const OnPaper&, const Rows<double>&, Loss, std::ptrdiff_t,
                                    std::ptrdiff_t);

}  // namespace tests
