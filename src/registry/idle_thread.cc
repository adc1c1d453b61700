#include "registry/idle_thread.h"

#include <pthread.h>
#include <sched.h>

#include <mutex>
#include <thread>

namespace vigil {

void RunAtIdlePriority(const std::function<void()>& work) {
  // However many are asked for at once, they take the idle time of one processor, and the memory of one model's text.
  static std::mutex turn;
  std::lock_guard lock(turn);
  std::thread thread([&work] {
    // Entering the class needs no right; leaving it would, hence the thread of its own. A refusal costs only the priority.
    const sched_param none{};
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    work();
  });
  thread.join();
}

}  // namespace vigil
