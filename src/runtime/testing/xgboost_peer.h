// XGBoost itself, through its C API, as a peer to measure against and a reference to compare with. Loaded at run time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace vigil::testing {

class XgboostPeer {
 public:
  // `library`: path of libxgboost.so. UNAVAILABLE when it cannot be loaded.
  static StatusOr<std::unique_ptr<XgboostPeer>> Open(const std::string& library);
  ~XgboostPeer();
  XgboostPeer(const XgboostPeer&) = delete;
  XgboostPeer& operator=(const XgboostPeer&) = delete;

  // Trains on `rows` rows of a matrix and saves to `path` (.json or .ubj). survival:aft reads its labels from two fields.
  Status Train(const std::vector<float>& matrix, const std::vector<float>& labels,
               const std::vector<std::pair<std::string, std::string>>& parameters, int rounds, const std::string& path,
               const std::vector<std::string>& label_fields = {"label"});
  // Makes the model at `path` the one that Predict uses.
  Status Load(const std::string& path);
  // XGBoosterPredictFromDense on [n][columns], NaN missing, one thread. `margin`: before the objective's transform. The result is the
  // library's memory, good until the next call; `size` is its length.
  Status Predict(const float* rows, size_t n, size_t columns, bool margin, const float** result, size_t* size);
  std::string version() const;

 private:
  struct Api;
  XgboostPeer() = default;
  Status Check(int code, const char* what) const;

  void* library_ = nullptr;
  std::unique_ptr<Api> api_;
  void* booster_ = nullptr;
};

}  // namespace vigil::testing
