#include "runtime/model.h"

#include <fstream>

#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/trees/loader.h"

namespace vigil {
namespace {

class LoadModelTest : public ::testing::Test {
 protected:
  LoadModelTest() {
    loaders_.push_back(trees::MakeXgboostLoader());
    loaders_.push_back(trees::MakeLightgbmLoader());
    loaders_.push_back(trees::MakeCatboostLoader());
  }
  Status Load(const std::string& name, const std::string& content) {
    const std::string path = dir_.file(name);
    std::ofstream(path, std::ios::binary) << content;
    return LoadModel(loaders_, path, {}).status();
  }
  testing::TempDir dir_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
};

TEST_F(LoadModelTest, NamesWhatItCannotServe) {
  const struct {
    std::string name, content, said;
    absl::StatusCode code;
  } cases[] = {
      {"m.pkl", "anything", "save_model(\"model.json\")", absl::StatusCode::kInvalidArgument},
      {"m.bin", std::string("\x80\x04\x95", 3), "pickle", absl::StatusCode::kInvalidArgument},
      {"m.model", "binf....", "old binary format", absl::StatusCode::kUnimplemented},
      {"m.txt", "tree\nversion=v4\n", "max_feature_idx: is missing", absl::StatusCode::kInvalidArgument},
      {"m.txt", "tree\r\nversion=v9\r\n", "'v9' is not served", absl::StatusCode::kUnimplemented},
      {"m.lgb", "PK", "no LightGBM model", absl::StatusCode::kInvalidArgument},
      {"m", std::string("CBM1\xFF\xFF\0\0", 8), "head promises 65535", absl::StatusCode::kInvalidArgument},
      {"m.cbm", "anything", "no CatBoost model", absl::StatusCode::kInvalidArgument},
      {"m.json", "{\"oblivious_trees\": []}", "'features_info' is missing", absl::StatusCode::kInvalidArgument},
      {"m.onnx", "\x08\x07", "ONNX", absl::StatusCode::kUnimplemented},
      {"m.onnx", std::string("PK\x03\x04", 4), "ZIP", absl::StatusCode::kUnimplemented},
      {"m.csv", "a,b\n1,2\n", "known format", absl::StatusCode::kInvalidArgument},
      {"m.json", "{}", "XGBoost JSON", absl::StatusCode::kInvalidArgument},
      {"m.json", "", "empty", absl::StatusCode::kInvalidArgument},
  };
  for (const auto& c : cases) {
    const Status status = Load(c.name, c.content);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_NE(std::string(status.message()).find(c.said), std::string::npos) << status;
    EXPECT_NE(std::string(status.message()).find(c.name), std::string::npos) << status;
  }
}

TEST_F(LoadModelTest, FilesThatAreNotThere) {
  EXPECT_EQ(LoadModel(loaders_, dir_.file("absent.json"), {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadModel(loaders_, dir_.path(), {}).status().code(), absl::StatusCode::kInvalidArgument);
  std::ofstream(dir_.file("saved_model.pb")) << "";
  const Status saved = LoadModel(loaders_, dir_.path(), {}).status();
  EXPECT_EQ(saved.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(saved.message()).find("SavedModel"), std::string::npos) << saved;
}

}  // namespace
}  // namespace vigil
