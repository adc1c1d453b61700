// The makers' own predictors, and what compilers make of their models, behind one face: margins of rows, one thread, the caller's. All that
// is loaded at run time is in the folder that prepare.py fills or in the optional `make peers`.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace vigil::bench {

inline constexpr size_t kPeerColumns = 30;

struct PeerRows {
  std::vector<float> floats;    // [n][kPeerColumns]
  std::vector<double> doubles;  // the same
  size_t n = 0;
};

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  // Batches it is for: a single-row call is not measured on a thousand.
  virtual bool Takes(size_t /*batch*/) const { return true; }
  // Margins of rows `from` to `from + n`, [n][outputs].
  virtual Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) = 0;
  // Nanoseconds of CPU a row for batches of `batch`, where the peer must measure itself; negative: measured by calling Predict.
  virtual StatusOr<double> MeasureItself(size_t /*batch*/) { return -1; }
};

// XGBoosterPredictFromDense. `outputs`: margins a row.
StatusOr<std::unique_ptr<Peer>> MakeXgboostPeer(const std::string& library, const std::string& model, size_t outputs);

// LightGBM's C API: LGBM_BoosterPredictForMatSingleRowFast, or LGBM_BoosterPredictForMat.
StatusOr<std::unique_ptr<Peer>> MakeLightgbmPeer(const std::string& library, const std::string& model, bool single_row);

// tl2cgen's `predict`, called for each row after filling its array of entries. `doubles`: the model's thresholds and leaves are doubles.
StatusOr<std::unique_ptr<Peer>> MakeTl2cgenPeer(const std::string& library, bool doubles);

// lleaves' `forest_root`, called as its documentation's C example does. `name` for the table.
StatusOr<std::unique_ptr<Peer>> MakeLleavesPeer(const std::string& library, const std::string& name);

// CatBoost's exported C++ (catboost_wrap.cc).
StatusOr<std::unique_ptr<Peer>> MakeCatboostCodePeer(const std::string& library);

// CatBoost's own predictor. The wheel exports no C function, so a Python process calls it on a Pool made beforehand and measures its
// thread's CPU time. `command`: the interpreter, the script, the model, the rows.
StatusOr<std::unique_ptr<Peer>> MakeCatboostProcess(const std::vector<std::string>& command);

}  // namespace vigil::bench
