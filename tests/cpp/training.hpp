// A training run with everything it needs, in guarded arrays.
#pragma once

#include "networks.hpp"

namespace tests {

template <class T>
struct Run {
    Network network;
    Arrays<T> parameters, velocities, squares;
    TrainRequest<T> request{};
    TrainProgress progress{};
    std::vector<double> losses;

    Run(const Shape& shape, const Rows<T>& data, End end)
        : network(shape.network()), parameters(network, end, 1), velocities(network, end, 2, T(0)),
          squares(network, end, 3, T(0)) {
        request.data = data.data();
        request.batch_size = 1;
        request.shuffle = true;
        request.seed = 5;
        request.epochs = 1;
        request.n_threads = 1;
        request.poll = {[](void*, std::uint64_t, std::ptrdiff_t, std::ptrdiff_t, double) { return false; },
                        [](void*) { return false; }, nullptr, false};
    }
    Stop go() {
        request.network = &network;
        request.parameters = parameters.pointers();
        request.velocities = velocities.pointers();
        request.squares = squares.pointers();
        return train_epochs(request, progress, losses);
    }
    // What another run has come to.
    void take(const Run& other, End end) {
        parameters = Arrays<T>(other.parameters, end);
        velocities = Arrays<T>(other.velocities, end);
        losses = other.losses;
    }
};

template <class T>
void compare(const char* what, const Arrays<T>& found, const OnPaper& wanted, std::ptrdiff_t roundings) {
    const auto each = [&](const Guarded<T>& x, const std::vector<Real>& want, std::size_t layer) {
        for (std::ptrdiff_t i = 0; i < x.size(); ++i)
            if (!is_near(x[i], want[std::size_t(i)], roundings))
                fail_far(what, std::ptrdiff_t(layer), i, x[i], want[std::size_t(i)]);
    };
    for (std::size_t l = 0; l < wanted.weights.size(); ++l) each(found.weights[l], wanted.weights[l], l);
    for (std::size_t l = 0; l < wanted.biases.size(); ++l) each(found.biases[l], wanted.biases[l], l);
}

}  // namespace tests
