// SIGINT and SIGTERM as a wish to stop in order, for verbs that hold something to be cleaned up.
#pragma once

#include <csignal>

#include "base/status.h"

namespace vigil::cli {

// While one lives the first of these signals is only noted, and interrupts what waits for input; a second one ends the process at once.
// One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // CANCELLED once a signal came. Any thread.
  static Status Check();
  // As shells tell it: 130 or 143; 0 when none came.
  static int ExitCode();

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace vigil::cli
