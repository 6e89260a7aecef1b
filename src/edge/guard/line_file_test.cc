// Files of sensors: that rotate, and that cannot be read.
#include "edge/guard/line_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "edge/people/fake_world.h"
#include "edge/posix/scratch_directory.h"

namespace holdfast::guard {
namespace {

namespace fs = std::filesystem;

struct LineFiles : ::testing::Test {
  edge::ScratchDirectory dir;
  const std::string path = dir.path() + "/eve.json";
  people::HandClock clock;
  int refusal = 0;  // why nothing can be opened, as another mode of the file would say it; also to root
  LineFile::Open open = [this](const std::string& at) {
    if (refusal == 0) return LineFile::open_to_read(at);
    errno = refusal;
    return -1;
  };
  struct {
    std::vector<std::string> all;
    std::function<void(std::string_view)> take = [this](std::string_view line) { all.emplace_back(line); };
    std::vector<std::string> since() { return std::exchange(all, {}); }
  } lines;
  static void append(const std::string& to, const std::string& text) { std::ofstream(to, std::ios::app) << text; }
};

TEST_F(LineFiles, half_lines_wait_and_old_ones_are_no_news) {
  append(path, "old\n");
  LineFile file(path, clock);
  append(path, "one\ntw");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), std::vector<std::string>{"one"});
  append(path, "o\n\nthree\n");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), (std::vector<std::string>{"two", "three"}));
}

TEST_F(LineFiles, a_renamed_file_is_read_to_its_end_before_the_new_one) {
  append(path, "");
  LineFile file(path, clock);
  append(path, "a\n");
  fs::rename(path, path + ".1");
  append(path + ".1", "last of the old\n");
  file.read(lines.take);  // the new one is not there yet
  EXPECT_EQ(lines.since(), (std::vector<std::string>{"a", "last of the old"}));
  append(path + ".1", "a late one\n");
  append(path, "first of the new\n");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), (std::vector<std::string>{"a late one", "first of the new"}));
  fs::remove(path);
  file.read(lines.take);
  append(path, "again\n");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), std::vector<std::string>{"again"});
}

TEST_F(LineFiles, a_file_cut_to_nothing_is_begun_again) {
  append(path, "");
  LineFile file(path, clock);
  append(path, "before the cut\nhalf");
  file.read(lines.take);
  fs::resize_file(path, 0);
  append(path, "new\n");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), (std::vector<std::string>{"before the cut", "new"}));
}

TEST_F(LineFiles, a_line_without_end_costs_no_memory) {
  append(path, "");
  LineFile file(path, clock);
  append(path, std::string(3 * LineFile::line_bytes_max, 'x'));
  EXPECT_TRUE(file.read(lines.take)) << "a round ends before the file does";
  append(path, "rest\nnext\n");
  for (int i = 0; i < 10 && file.read(lines.take); ++i) {
  }
  EXPECT_EQ(lines.since(), std::vector<std::string>{"next"});
  EXPECT_EQ(file.dropped(), 1u);
}

TEST_F(LineFiles, what_came_while_a_file_could_not_be_opened_is_old_and_what_comes_then_is_news) {
  append(path, "");
  LineFile file(path, clock, open);
  EXPECT_EQ(file.problem(), "");
  append(path, "before\n");
  file.read(lines.take);
  fs::rename(path, path + ".1");
  append(path, "");
  refusal = EACCES;  // it was rotated, and made for root alone
  file.read(lines.take);
  EXPECT_EQ(file.problem(), "") << "a rotation may take its time";
  append(path + ".1", "the old one is read on\n");
  append(path, "an EternalBlue\n");
  clock.at = clock.at + LineFile::patience;
  file.read(lines.take);
  EXPECT_EQ(file.problem(), "Permission denied");
  EXPECT_EQ(lines.since(), (std::vector<std::string>{"before", "the old one is read on"}));
  refusal = 0;
  file.read(lines.take);
  EXPECT_EQ(file.problem(), "");
  EXPECT_EQ(lines.since(), std::vector<std::string>{}) << "it may be days old";
  EXPECT_EQ(file.passed_over(), std::string("an EternalBlue\n").size());
  append(path, "news\n");
  file.read(lines.take);
  EXPECT_EQ(lines.since(), std::vector<std::string>{"news"});
}

TEST_F(LineFiles, a_rotation_that_gives_the_new_file_to_its_readers_late_loses_no_line) {
  append(path, "");
  LineFile file(path, clock, open);
  fs::rename(path, path + ".1");
  append(path, "first of the new\n");
  refusal = EACCES;
  file.read(lines.take);
  clock.at = clock.at + LineFile::patience - milliseconds(1);
  file.read(lines.take);
  refusal = 0;
  file.read(lines.take);
  EXPECT_EQ(file.problem(), "");
  EXPECT_EQ(lines.since(), std::vector<std::string>{"first of the new"});
  EXPECT_EQ(file.passed_over(), 0u);
}

TEST_F(LineFiles, at_the_start_a_problem_is_told_at_once) {
  append(path, "old\n");
  refusal = EACCES;
  LineFile shut(path, clock, open);
  EXPECT_EQ(shut.problem(), "Permission denied");
  refusal = 0;
  shut.read(lines.take);
  EXPECT_EQ(shut.problem(), "");
  EXPECT_EQ(lines.since(), std::vector<std::string>{}) << "written before this start";
  LineFile directory(dir.path(), clock, open);
  EXPECT_EQ(directory.problem(), "it is no plain file");
}

TEST_F(LineFiles, a_file_that_was_not_there_is_begun_at_its_first_line) {
  LineFile file(path, clock, open);
  EXPECT_EQ(file.problem(), "No such file or directory");
  clock.at = clock.at + days(1);
  file.read(lines.take);
  append(path, "first\n");
  file.read(lines.take);
  EXPECT_EQ(file.problem(), "");
  EXPECT_EQ(lines.since(), std::vector<std::string>{"first"});
}

TEST_F(LineFiles, a_file_that_is_rotated_while_it_is_shut_is_begun_at_its_first_line_when_the_next_is_not) {
  append(path, "old\n");
  refusal = EACCES;
  LineFile file(path, clock, open);
  append(path + ".new", "first of the next\n");
  fs::rename(path + ".new", path);
  refusal = 0;
  file.read(lines.take);
  EXPECT_EQ(lines.since(), std::vector<std::string>{"first of the next"});
}

}  // namespace
}  // namespace holdfast::guard
