// A mutex that a child of fork can have: where another thread held it then, nobody in the child would ever give it back.
#pragma once

#include <unistd.h>

#include <atomic>
#include <mutex>

namespace chainrule {

class ForkedMutex {
public:
    ForkedMutex() : owned_(new Owned{getpid(), {}}) {}
    ~ForkedMutex() { delete owned_.load(); }
    ForkedMutex(const ForkedMutex&) = delete;
    ForkedMutex& operator=(const ForkedMutex&) = delete;

    // That of the parent is left as it is: it may be locked.
    std::mutex& of_this_process() {
        for (;;) {
            Owned* owned = owned_.load();
            if (owned->process == getpid()) return owned->mutex;
            Owned* const fresh = new Owned{getpid(), {}};
            if (!owned_.compare_exchange_strong(owned, fresh)) delete fresh;
        }
    }

private:
    struct Owned {
        pid_t process;
        std::mutex mutex;
    };
    std::atomic<Owned*> owned_;
};

}  // namespace chainrule
