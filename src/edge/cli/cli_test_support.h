// Runs a command line in this process, as a person would type it.
#pragma once

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "edge/cli/cli.h"

namespace holdfast::cli {

struct Outcome {
  int code = -1;
  std::string out, err;
  std::string all() const { return out + err; }
};

inline Outcome holdfast(const std::vector<std::string>& words) {
  CLI::App app("test", "holdfast");
  add_chain_commands(app);
  add_key_commands(app);
  add_recovery_commands(app);
  add_serve_commands(app);
  add_guard_commands(app);
  add_journal_commands(app);
  add_spare_commands(app);
  add_tills_commands(app);
  std::vector<const char*> argv{"holdfast"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = run(app, static_cast<int>(argv.size()), argv.data());
  std::fflush(stdout);
  std::fflush(stderr);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace holdfast::cli
