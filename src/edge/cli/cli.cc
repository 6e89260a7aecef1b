#include "edge/cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/chain/chain.h"

namespace holdfast::cli {

CLI::App& command_group(CLI::App& app, const std::string& name, const std::string& description) {
  for (CLI::App* known : app.get_subcommands(nullptr))
    if (known->get_name() == name) return *known;
  CLI::App* made = app.add_subcommand(name, description);
  made->require_subcommand(1);
  return *made;
}

void refuse(const Error& error) {
  fmt::print(stderr, "holdfast: {} [{}]\n", error.text, error.code);
  throw CLI::RuntimeError(1);
}

std::vector<std::string> files_ending_in(const std::string& folder, std::string_view ending) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().string().ends_with(ending)) out.push_back(it->path().string());
  if (error) refuse({"keys/not_found", fmt::format("cannot look into {}: {}", folder, error.message())});
  std::ranges::sort(out);
  return out;
}

std::string described(const chain::Certificate& c) {
  return fmt::format("{:<31} epoch {:<4} {:<9} issued {}  keys {}", c.site.view(), c.epoch,
                     c.spare ? "a spare" : "a rebuild", to_text(c.issued), chain::fingerprint({c.site, c.keys}));
}

namespace {

// CLI11 says what is missing before it says what it did not know: of `holdfast unsael`, that a subcommand is required.
void name_unknown_word(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return;  // it has named it
  if (const auto left = app.remaining(true); !left.empty())
    fmt::print(stderr, "holdfast: \"{}\" was not understood; is it mistyped?\n", left.front());
}

int parse_and_run(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;  // --help and --version
    name_unknown_word(app, error);
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "holdfast: {}\n", error.what());
    return 1;
  }
}

// What was printed waits in a buffer until here, so only now is it known whether it has come anywhere.
bool is_all_said() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  const std::string why = errno == 0 ? std::string() : fmt::format(" ({})", std::strerror(errno));
  std::fputs(
      fmt::format("holdfast: What this command had to say could not be written{}. What it did is done, but codes "
                  "shown once are lost: make them again in a new directory. [edge/not_said]\n",
                  why)
          .c_str(),
      stderr);
  return false;
}

}  // namespace

int run(CLI::App& app, int argc, const char* const* argv) {
  const int code = parse_and_run(app, argc, argv);
  return is_all_said() || code != 0 ? code : 1;
}

}  // namespace holdfast::cli
