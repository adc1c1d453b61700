#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "bench/makers/peers.h"
#include "runtime/testing/xgboost_peer.h"

namespace vigil::bench {
namespace {

StatusOr<void*> Open(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays open: OpenMP's threads do not survive unmapping
  if (handle == nullptr) return absl::UnavailableError(dlerror());
  return handle;
}

template <typename Function>
Status Find(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(dlsym(library, name));
  return *function == nullptr ? absl::UnavailableError(absl::StrCat("no function ", name)) : absl::OkStatus();
}

class Xgboost final : public Peer {
 public:
  Xgboost(std::unique_ptr<testing::XgboostPeer> peer, size_t outputs) : peer_(std::move(peer)), outputs_(outputs) {}
  std::string name() const override { return absl::StrCat("XGBoost ", peer_->version(), " PredictFromDense"); }
  Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) override {
    const float* result = nullptr;
    size_t size = 0;
    VIGIL_RETURN_IF_ERROR(peer_->Predict(rows.floats.data() + from * kPeerColumns, n, kPeerColumns, true, &result, &size));
    if (size != n * outputs_) return absl::InternalError("XGBoost answered another number of margins");
    for (size_t i = 0; i < size; ++i) margins[i] = result[i];
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<testing::XgboostPeer> peer_;
  const size_t outputs_;
};

// As declared in LightGBM/c_api.h.
struct LightgbmApi {
  int (*create)(const char*, int*, void**) = nullptr;
  int (*fast_init)(void*, int, int, int, int, int32_t, const char*, void**) = nullptr;
  int (*fast)(void*, const void*, int64_t*, double*) = nullptr;
  int (*matrix)(void*, const void*, int, int32_t, int32_t, int, int, int, int, const char*, int64_t*, double*) = nullptr;
};
constexpr int kFloat64 = 1, kRawScore = 1;
constexpr char kOneThread[] = "num_threads=1 verbosity=-1";

class Lightgbm final : public Peer {
 public:
  Lightgbm(LightgbmApi api, void* booster, bool single_row, void* fast)
      : api_(api), booster_(booster), single_row_(single_row), fast_(fast) {}
  std::string name() const override { return single_row_ ? "LightGBM SingleRowFast" : "LightGBM PredictForMat"; }
  bool Takes(size_t batch) const override { return single_row_ == (batch == 1); }
  Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) override {
    const double* at = rows.doubles.data() + from * kPeerColumns;
    int64_t size = 0;
    int code = 0;
    if (single_row_) {
      for (size_t r = 0; r < n && code == 0; ++r) code = api_.fast(fast_, at + r * kPeerColumns, &size, margins + r);
    } else {
      code = api_.matrix(booster_, at, kFloat64, static_cast<int32_t>(n), kPeerColumns, 1, kRawScore, 0, -1, kOneThread, &size, margins);
    }
    return code == 0 ? absl::OkStatus() : absl::InternalError("LightGBM could not predict");
  }

 private:
  const LightgbmApi api_;
  void* const booster_;
  const bool single_row_;
  void* const fast_;
};

// T: the model's own type of thresholds and leaves, float of XGBoost's, double of LightGBM's.
template <typename T>
class Tl2cgen final : public Peer {
 public:
  // What header.h of the generated code declares.
  union Entry {
    int missing;
    T value;
  };
  using Function = void(Entry*, int, T*);
  explicit Tl2cgen(Function* predict) : predict_(predict) {}
  std::string name() const override { return "tl2cgen, gcc -O3"; }
  Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) override {
    const T* row = nullptr;
    if constexpr (std::is_same_v<T, float>) row = rows.floats.data() + from * kPeerColumns;
    if constexpr (std::is_same_v<T, double>) row = rows.doubles.data() + from * kPeerColumns;
    Entry entries[kPeerColumns];
    for (size_t r = 0; r < n; ++r, row += kPeerColumns) {
      for (size_t c = 0; c < kPeerColumns; ++c) {
        if (std::isnan(row[c])) {
          entries[c].missing = -1;
        } else {
          entries[c].value = row[c];
        }
      }
      T margin = 0;
      predict_(entries, 1, &margin);
      margins[r] = margin;
    }
    return absl::OkStatus();
  }

 private:
  Function* const predict_;
};

class Lleaves final : public Peer {
 public:
  using Function = void(const double*, double*, int32_t, int32_t);
  Lleaves(Function* root, std::string name) : root_(root), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) override {
    root_(rows.doubles.data() + from * kPeerColumns, margins, 0, static_cast<int32_t>(n));
    return absl::OkStatus();
  }

 private:
  Function* const root_;
  const std::string name_;
};

class CatboostCode final : public Peer {
 public:
  using Function = void(const float*, int, int, double*);
  explicit CatboostCode(Function* margins) : margins_(margins) {}
  std::string name() const override { return "CatBoost exported C++ -O3"; }
  Status Predict(const PeerRows& rows, size_t from, size_t n, double* margins) override {
    margins_(rows.floats.data() + from * kPeerColumns, static_cast<int>(n), kPeerColumns, margins);
    return absl::OkStatus();
  }

 private:
  Function* const margins_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> MakeXgboostPeer(const std::string& library, const std::string& model, size_t outputs) {
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<testing::XgboostPeer> peer, testing::XgboostPeer::Open(library));
  VIGIL_RETURN_IF_ERROR(peer->Load(model));
  return std::make_unique<Xgboost>(std::move(peer), outputs);
}

StatusOr<std::unique_ptr<Peer>> MakeLightgbmPeer(const std::string& library, const std::string& model, bool single_row) {
  VIGIL_ASSIGN_OR_RETURN(void* const handle, Open(library));
  LightgbmApi api;
  VIGIL_RETURN_IF_ERROR(Find(handle, "LGBM_BoosterCreateFromModelfile", &api.create));
  VIGIL_RETURN_IF_ERROR(Find(handle, "LGBM_BoosterPredictForMatSingleRowFastInit", &api.fast_init));
  VIGIL_RETURN_IF_ERROR(Find(handle, "LGBM_BoosterPredictForMatSingleRowFast", &api.fast));
  VIGIL_RETURN_IF_ERROR(Find(handle, "LGBM_BoosterPredictForMat", &api.matrix));
  int iterations = 0;
  void *booster = nullptr, *fast = nullptr;
  if (api.create(model.c_str(), &iterations, &booster) != 0) return absl::InternalError(absl::StrCat("LightGBM cannot read ", model));
  if (single_row && api.fast_init(booster, kRawScore, 0, -1, kFloat64, kPeerColumns, kOneThread, &fast) != 0) {
    return absl::InternalError("LightGBM's single-row call cannot be prepared");
  }
  return std::make_unique<Lightgbm>(api, booster, single_row, fast);
}

template <typename T>
static StatusOr<std::unique_ptr<Peer>> MakeTl2cgen(void* library) {
  typename Tl2cgen<T>::Function* predict = nullptr;
  VIGIL_RETURN_IF_ERROR(Find(library, "predict", &predict));
  return std::make_unique<Tl2cgen<T>>(predict);
}

StatusOr<std::unique_ptr<Peer>> MakeTl2cgenPeer(const std::string& library, bool doubles) {
  VIGIL_ASSIGN_OR_RETURN(void* const handle, Open(library));
  return doubles ? MakeTl2cgen<double>(handle) : MakeTl2cgen<float>(handle);
}

StatusOr<std::unique_ptr<Peer>> MakeLleavesPeer(const std::string& library, const std::string& name) {
  VIGIL_ASSIGN_OR_RETURN(void* const handle, Open(library));
  Lleaves::Function* root = nullptr;
  VIGIL_RETURN_IF_ERROR(Find(handle, "forest_root", &root));
  return std::make_unique<Lleaves>(root, name);
}

StatusOr<std::unique_ptr<Peer>> MakeCatboostCodePeer(const std::string& library) {
  VIGIL_ASSIGN_OR_RETURN(void* const handle, Open(library));
  CatboostCode::Function* margins = nullptr;
  VIGIL_RETURN_IF_ERROR(Find(handle, "catboost_margins", &margins));
  return std::make_unique<CatboostCode>(margins);
}

}  // namespace vigil::bench
