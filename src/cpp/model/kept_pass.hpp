// A forward pass that is kept, for backward passes from gradients that come from elsewhere; and updates with such gradients.
#pragma once

#include <mutex>

#include "model/step.hpp"
#include "runtime/forked_mutex.hpp"

namespace chainrule {

template <class T>
class KeptPass {
public:
    // Goes forward as in training, with the dropout masks and the noise of that step. What it needs of the parameters and the
    // rows is copied. Throws std::bad_alloc.
    KeptPass(const Network& network, const Parameters<T>& parameters, const Data<T>& rows, std::uint64_t seed,
             std::uint64_t step, int n_threads);

    const Network& network() const { return network_; }
    std::ptrdiff_t rows() const { return memory_.batch; }
    // All (rows, N) without gaps. `layer` is a hidden one.
    void sums(T* out) const;
    void output(T* out) const;
    void hidden(std::size_t layer, T* out) const;

    // From d, (rows, n_out) without gaps, which is dLoss/dZ of the last layer (of_sums) or dLoss/dA. Calls wait for each other.
    void backward(const T* d, bool of_sums, const Parameters<T>& out);
    void input_gradients(const T* d, bool of_sums, T* out);

private:
    void back(const T* d, bool of_sums, const Parameters<T>* out, T* dX);
    StepRequest<T> request(const Data<T>* data) const;

    const Network network_;
    const Parameters<T> nowhere_;  // null pointers
    const double work_;            // of a pass, there or back
    const int threads_;
    const std::uint64_t seed_, step_number_;
    Workspace<T> memory_;
    const TypedLoss<T> loss_;
    Step<T> step_;
    ForkedMutex mutex_;
};

// One update; false, with nothing changed, where something new is not finite.
template <class T>
bool apply_gradients(const Network& network, const Parameters<T>& parameters, const Parameters<T>& velocities,
                     const Parameters<T>& squares, const Parameters<T>& gradients, const RuleNumbers& rule,
                     std::uint64_t t, const std::vector<bool>& frozen, int n_threads);

}  // namespace chainrule
