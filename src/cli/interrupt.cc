#include "cli/interrupt.h"

#include <atomic>

#include "absl/strings/str_cat.h"

namespace vigil::cli {
namespace {

std::atomic<int> caught{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may store it");

void Note(int signal) {
  int none = 0;
  caught.compare_exchange_strong(none, signal);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;  // the next of either ends it
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  caught = 0;
  struct sigaction action {};
  action.sa_handler = Note;  // without SA_RESTART: a read that waits ends
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, nullptr, &before_int_);
  sigaction(SIGTERM, nullptr, &before_term_);
  if (before_int_.sa_handler != SIG_IGN) sigaction(SIGINT, &action, nullptr);  // what a shell's `&` ignores stays ignored
  if (before_term_.sa_handler != SIG_IGN) sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

Status Interrupt::Check() {
  const int signal = caught.load(std::memory_order_relaxed);
  if (signal == 0) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("stopped by ", signal == SIGINT ? "SIGINT" : "SIGTERM", "; nothing was written"));
}

int Interrupt::ExitCode() {
  const int signal = caught.load(std::memory_order_relaxed);
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace vigil::cli
