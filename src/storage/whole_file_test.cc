#include "storage/whole_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace vigil {
namespace {

using ::testing::HasSubstr;

class WholeFileTest : public ::testing::Test {
 protected:
  WholeFileTest() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~WholeFileTest() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_ = (std::filesystem::temp_directory_path() / "vigil-whole-file-XXXXXX").string();
};

TEST_F(WholeFileTest, WhatWasWrittenIsReadAndLeavesNothingElse) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "longer than what replaces it").ok());
  ASSERT_TRUE(WriteFileAtomically(Path("f"), bytes).ok());
  EXPECT_EQ(*ReadWholeFile(Path("f"), 4), bytes);
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(WholeFileTest, RefusalsNameThePath) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "12345").ok());
  const Status large = ReadWholeFile(Path("f"), 4).status();
  EXPECT_EQ(large.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(large.message()), HasSubstr(Path("f") + ": larger than 4 bytes"));
  EXPECT_EQ(ReadWholeFile(Path("g"), 4).status().code(), absl::StatusCode::kNotFound);
  const Status nowhere = WriteFileAtomically(Path("none/f"), "1");
  EXPECT_EQ(nowhere.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(nowhere.message()), HasSubstr("none/f"));
}

}  // namespace
}  // namespace vigil
