#include "storage/abandoned.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/testing/paths.h"

namespace vigil {
namespace {

// A process that waits to be killed, and its tag.
class Child {
 public:
  Child() {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      const std::string tag = OwnerTag();
      if (write(ends[1], tag.data(), tag.size()) < 0) _exit(1);
      for (;;) pause();
    }
    char text[200];
    const ssize_t got = read(ends[0], text, sizeof(text));
    tag_.assign(text, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    close(ends[0]);
    close(ends[1]);
  }
  ~Child() { Kill(); }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const std::string& tag() const { return tag_; }

 private:
  pid_t pid_ = -1;
  std::string tag_;
};

TEST(Abandoned, AProcessIsGoneOnceItWasKilled) {
  Child child;
  EXPECT_FALSE(OwnerIsGone(OwnerTag())) << "this one";
  EXPECT_FALSE(OwnerIsGone(child.tag())) << child.tag();
  child.Kill();
  EXPECT_TRUE(OwnerIsGone(child.tag())) << child.tag();
}

TEST(Abandoned, ANumberThatWasGivenAgainIsAnotherProcess) {
  const std::string tag = OwnerTag();
  std::vector<std::string> parts = absl::StrSplit(tag, '-');
  ASSERT_EQ(parts.size(), 3u) << tag;
  EXPECT_TRUE(OwnerIsGone(absl::StrCat(parts[0], "-", std::stoull(parts[1]) - 1, "-", parts[2])));
}

TEST(Abandoned, WhoCannotBeSeenFromHereMayLive) {
  Child child;
  child.Kill();
  const std::string elsewhere = child.tag().substr(0, child.tag().rfind('-'));
  for (const std::string& tag :
       {absl::StrCat(elsewhere, "-0123456789abcdef"), absl::StrCat(elsewhere, "-"), elsewhere, std::string("p1-0-0"), std::string(),
        std::string("p"), std::string("1-2-3"), std::string("p-1-2-3"), std::string("px-1-2")}) {
    EXPECT_FALSE(OwnerIsGone(tag)) << tag;
  }
}

TEST(Abandoned, OnlyWhatTheDeadLeftGoes) {
  testing::TempDir dir;
  Child dead, alive;
  dead.Kill();
  const auto make = [&](const std::string& name) {
    std::ofstream(dir.file(name)) << "x";
    return dir.file(name);
  };
  const std::string stays[] = {make("out.csv"), make(absl::StrCat("out.csv.", alive.tag(), ".tmp")),
                               make(absl::StrCat("other.csv.", dead.tag(), ".tmp")), make("out.csv.1234.tmp"),
                               make(absl::StrCat("out.csv.x", dead.tag(), ".tmp"))};
  const std::string goes = make(absl::StrCat("out.csv.", dead.tag(), ".tmp"));
  const std::string folder = dir.file(absl::StrCat("out.csv.", dead.tag(), ".1"));
  std::filesystem::create_directories(folder + "/inside");
  std::filesystem::create_symlink(dir.file("out.csv"), dir.file(absl::StrCat("out.csv.", dead.tag(), ".link")));
  const std::string mine = UnfinishedPath(dir.file("out.csv"));
  EXPECT_EQ(mine, absl::StrCat(dir.file("out.csv"), ".", OwnerTag(), ".tmp"));
  for (const std::string& path : stays) EXPECT_TRUE(std::filesystem::exists(path)) << path;
  EXPECT_FALSE(std::filesystem::exists(goes));
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_FALSE(std::filesystem::is_symlink(dir.file(absl::StrCat("out.csv.", dead.tag(), ".link"))));
}

TEST(Abandoned, TemporaryFoldersAreThisProcessesOwn) {
  const auto first = MakeTemporaryFolder("test"), second = MakeTemporaryFolder("test");
  ASSERT_TRUE(first.ok() && second.ok()) << first.status();
  EXPECT_NE(*first, *second);
  RemoveAbandonedTemporaries();
  EXPECT_TRUE(std::filesystem::is_directory(*first)) << "its owner lives";
  std::filesystem::remove_all(*first);
  std::filesystem::remove_all(*second);
}

}  // namespace
}  // namespace vigil
