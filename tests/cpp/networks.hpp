// A network with parameters in guarded arrays, data for it, and what it computes, on paper.
#pragma once

#include "cases.hpp"
#include "model/train.hpp"

namespace tests {

struct Shape {
    std::vector<std::ptrdiff_t> sizes;
    Activation hidden = Activation::tanh, output = Activation::identity;
    BiasMode bias = BiasMode::unit;
    double dropout = 0, input_dropout = 0, input_noise = 0;

    Network network() const;
    std::string text() const;
};

// Plain arrays of one number for each parameter.
template <class T>
class Arrays {
public:
    Arrays(const Network& network, End end, std::uint64_t seed, T scale = 1);  // 0: zeros
    Arrays(const Arrays& other, End end);
    Parameters<T> pointers() const;
    void add_to_answers() const;
    bool operator==(const Arrays& other) const;

    std::vector<Guarded<T>> weights, biases;
};

template <class T>
struct Rows {
    Rows(const Shape& shape, std::ptrdiff_t rows, End end, std::ptrdiff_t gap = 0, bool labels = false,
         bool weights = false, bool missing = false);
    Data<T> data() const;

    std::ptrdiff_t rows, ldx, ldy;
    bool has_labels, has_weights, has_missing;
    std::vector<T> x, y;  // without gaps
    Guarded<T> X, Y, weight;
    Guarded<std::int64_t> labels;
};

// Loss and gradients of half the squared error, the cross-entropy of a softmax or the mean squared error over all rows,
// one term after the other.
struct OnPaper {
    std::vector<std::vector<Real>> weights, biases;
    Real loss;
};
template <class T>
OnPaper gradients_on_paper(const Shape& shape, const OnPaper& parameters, const Rows<T>& rows, Loss loss,
                           std::ptrdiff_t first, std::ptrdiff_t count);
template <class T>
OnPaper as_on_paper(const Arrays<T>& parameters);
// The outputs of one row.
std::vector<Real> outputs_on_paper(const Shape& shape, const OnPaper& parameters, const std::vector<Real>& row);

// Roundings on the longest way through a network and back, of sums and functions.
std::ptrdiff_t roundings_of(const Shape& shape, std::ptrdiff_t rows);

}  // namespace tests
