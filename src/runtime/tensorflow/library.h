// Where TensorFlow and its worker are on this machine.
#pragma once

#include <string>

#include "base/status.h"

namespace vigil::tensorflow {

// The path of libtensorflow_cc.so.2 or libtensorflow.so.2: in $VIGIL_TENSORFLOW_DIR (the folder that holds it, or one whose `tensorflow`,
// `lib` or site-packages does) when that is set, else in lib/tensorflow beside the program's folder, where `make tensorflow` puts it.
// UNAVAILABLE gives the command that installs it.
StatusOr<std::string> FindLibrary();

// vigil-tensorflow-worker beside this program, or $VIGIL_TENSORFLOW_WORKER.
StatusOr<std::string> FindWorkerProgram();

}  // namespace vigil::tensorflow
