#include "app/memory_left.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace vigil {
namespace {

class MemoryLeft : public ::testing::Test {
 protected:
  MemoryLeft() {
    std::filesystem::remove_all(root_);
    Write("/proc/meminfo", "MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  4000 kB\n");
  }
  ~MemoryLeft() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  const std::string root_ = ::testing::TempDir() + "memory_left";
};

TEST_F(MemoryLeft, IsTheMachinesWithoutGroups) {
  EXPECT_EQ(MemoryLeftBytes(root_), 4'096'000);
  EXPECT_EQ(MemoryLeftBytes(root_ + "/nowhere"), INT64_MAX);
  EXPECT_GT(MemoryLeftBytes(), 0);
}

TEST_F(MemoryLeft, IsWhatTheTightestGroupLeaves) {
  Write("/proc/self/cgroup", "0::/pod/container\n");
  Write("/sys/fs/cgroup/pod/container/memory.max", "max\n");
  Write("/sys/fs/cgroup/pod/container/memory.current", "900000\n");
  EXPECT_EQ(MemoryLeftBytes(root_), 4'096'000);
  Write("/sys/fs/cgroup/pod/memory.max", "1000000\n");
  Write("/sys/fs/cgroup/pod/memory.current", "950000\n");
  EXPECT_EQ(MemoryLeftBytes(root_), 50'000);
  Write("/sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 300000\n");
  EXPECT_EQ(MemoryLeftBytes(root_), 350'000);
  Write("/sys/fs/cgroup/pod/memory.current", "2000000\n");
  EXPECT_EQ(MemoryLeftBytes(root_), 0);
}

TEST_F(MemoryLeft, ReadsVersionOne) {
  Write("/proc/self/cgroup", "7:memory:/job\n3:cpu,cpuacct:/job\n");
  Write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "700000\n");
  Write("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "100000\n");
  EXPECT_EQ(MemoryLeftBytes(root_), 600'000);
}

}  // namespace
}  // namespace vigil
