#include "runtime/testing/xgboost_peer.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace vigil::testing {

// The few functions used, as declared in xgboost/c_api.h.
struct XgboostPeer::Api {
  const char* (*get_last_error)();
  void (*version)(int*, int*, int*);
  int (*dmatrix_create_from_mat)(const float*, uint64_t, uint64_t, float, void**);
  int (*dmatrix_set_float_info)(void*, const char*, const float*, uint64_t);
  int (*dmatrix_free)(void*);
  int (*booster_create)(void* const*, uint64_t, void**);
  int (*booster_free)(void*);
  int (*booster_set_param)(void*, const char*, const char*);
  int (*booster_update_one_iter)(void*, int, void*);
  int (*booster_save_model)(void*, const char*);
  int (*booster_load_model)(void*, const char*);
  int (*booster_predict_from_dense)(void*, const char*, const char*, void*, const uint64_t**, uint64_t*, const float**);
};

namespace {

template <typename Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

}  // namespace

StatusOr<std::unique_ptr<XgboostPeer>> XgboostPeer::Open(const std::string& library) {
  std::unique_ptr<XgboostPeer> peer(new XgboostPeer);
  // The wheel's own OpenMP runtime lies beside the library but not on its search path.
  std::error_code ignored;
  const std::filesystem::path real = std::filesystem::canonical(library, ignored);
  for (const auto& entry : std::filesystem::directory_iterator(real.parent_path(), ignored)) {
    if (entry.path().filename().string().starts_with("libgomp")) dlopen(entry.path().c_str(), RTLD_NOW | RTLD_GLOBAL);
  }
  peer->library_ = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (peer->library_ == nullptr) return absl::UnavailableError(dlerror());
  peer->api_ = std::make_unique<Api>();
  Api& api = *peer->api_;
  void* lib = peer->library_;
  const bool found = Find(lib, "XGBGetLastError", &api.get_last_error) && Find(lib, "XGBoostVersion", &api.version) &&
                     Find(lib, "XGDMatrixCreateFromMat", &api.dmatrix_create_from_mat) &&
                     Find(lib, "XGDMatrixSetFloatInfo", &api.dmatrix_set_float_info) && Find(lib, "XGDMatrixFree", &api.dmatrix_free) &&
                     Find(lib, "XGBoosterCreate", &api.booster_create) && Find(lib, "XGBoosterFree", &api.booster_free) &&
                     Find(lib, "XGBoosterSetParam", &api.booster_set_param) &&
                     Find(lib, "XGBoosterUpdateOneIter", &api.booster_update_one_iter) &&
                     Find(lib, "XGBoosterSaveModel", &api.booster_save_model) && Find(lib, "XGBoosterLoadModel", &api.booster_load_model) &&
                     Find(lib, "XGBoosterPredictFromDense", &api.booster_predict_from_dense);
  if (!found) return absl::UnavailableError(absl::StrCat(library, " lacks a function of XGBoost's C API"));
  return peer;
}

XgboostPeer::~XgboostPeer() {
  if (booster_ != nullptr) api_->booster_free(booster_);
  // The library stays loaded: its worker threads do not survive being unmapped.
}

Status XgboostPeer::Check(int code, const char* what) const {
  return code == 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat(what, ": ", api_->get_last_error()));
}

std::string XgboostPeer::version() const {
  int major = 0, minor = 0, patch = 0;
  api_->version(&major, &minor, &patch);
  return absl::StrCat(major, ".", minor, ".", patch);
}

Status XgboostPeer::Train(const std::vector<float>& matrix, const std::vector<float>& labels,
                          const std::vector<std::pair<std::string, std::string>>& parameters, int rounds, const std::string& path,
                          const std::vector<std::string>& label_fields) {
  void* data = nullptr;
  void* booster = nullptr;
  const auto train = [&]() -> Status {
    VIGIL_RETURN_IF_ERROR(Check(
        api_->dmatrix_create_from_mat(matrix.data(), labels.size(), matrix.size() / labels.size(), __builtin_nanf(""), &data), "matrix"));
    for (const std::string& field : label_fields) {
      VIGIL_RETURN_IF_ERROR(Check(api_->dmatrix_set_float_info(data, field.c_str(), labels.data(), labels.size()), field.c_str()));
    }
    VIGIL_RETURN_IF_ERROR(Check(api_->booster_create(&data, 1, &booster), "booster"));
    for (const auto& [key, value] : parameters) {
      VIGIL_RETURN_IF_ERROR(Check(api_->booster_set_param(booster, key.c_str(), value.c_str()), key.c_str()));
    }
    for (int round = 0; round < rounds; ++round)
      VIGIL_RETURN_IF_ERROR(Check(api_->booster_update_one_iter(booster, round, data), "training"));
    return Check(api_->booster_save_model(booster, path.c_str()), "saving");
  };
  const Status status = train();
  if (booster != nullptr) api_->booster_free(booster);
  if (data != nullptr) api_->dmatrix_free(data);
  return status;
}

Status XgboostPeer::Load(const std::string& path) {
  if (booster_ != nullptr) api_->booster_free(booster_);
  booster_ = nullptr;
  VIGIL_RETURN_IF_ERROR(Check(api_->booster_create(nullptr, 0, &booster_), "booster"));
  VIGIL_RETURN_IF_ERROR(Check(api_->booster_load_model(booster_, path.c_str()), "loading"));
  return Check(api_->booster_set_param(booster_, "nthread", "1"), "nthread");
}

Status XgboostPeer::Predict(const float* rows, size_t n, size_t columns, bool margin, const float** result, size_t* size) {
  char array[160], config[160];
  std::snprintf(array, sizeof(array), "{\"data\":[%llu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
                static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(rows)), n, columns);
  std::snprintf(
      config, sizeof(config),
      "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":false,\"cache_id\":0,\"missing\":NaN}",
      margin ? 1 : 0);
  const uint64_t* shape = nullptr;
  uint64_t dimensions = 0;
  VIGIL_RETURN_IF_ERROR(
      Check(api_->booster_predict_from_dense(booster_, array, config, nullptr, &shape, &dimensions, result), "predicting"));
  *size = 1;
  for (uint64_t i = 0; i < dimensions; ++i) *size *= shape[i];
  return absl::OkStatus();
}

}  // namespace vigil::testing
