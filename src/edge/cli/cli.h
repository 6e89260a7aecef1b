// The command line: one function for each group of commands, called by main.cc.
//
// Shape:  what a command has to say goes to standard output; an error is one sentence on standard error that says what
//         to do. Exit codes: 0 done; 1 refused or failed, or what it had to say could not be written; 2 the command
//         line is not understood. A command ends with an error by calling refuse().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace CLI {
class App;
}
namespace holdfast::chain {
struct Certificate;
}
namespace holdfast::serve {
struct ServeSettings;
}

namespace holdfast::cli {

void add_chain_commands(CLI::App& app);     // chain roots|init|check|show|demo
void add_key_commands(CLI::App& app);       // site keygen|adopt
void add_recovery_commands(CLI::App& app);  // recovery sign|collect
void add_serve_commands(CLI::App& app);     // serve, link cut|heal, site rebuild
void add_guard_commands(CLI::App& app);     // seal, unseal, posture, guard check|try
void add_spare_commands(CLI::App& app);     // spare keygen|adopt|serve|status|promote
void add_tills_commands(CLI::App& app);     // tills certificate
void add_staff_commands(CLI::App& app);     // staff list|add|remove
void add_journal_commands(CLI::App& app);   // journal show|verify|export|import
void add_import_commands(CLI::App& app);    // import …
void add_demo_command(CLI::App& app);       // demo
void add_incident_commands(CLI::App& app);  // incident list|open|show|note|task|join|close|export
void add_rejoin_commands(CLI::App& app);    // rejoin show|begin|step|link|end
void add_feed_commands(CLI::App& app);      // feed DIR, feed accept|status
void add_standby_commands(CLI::App& app);   // standby begin|resume|show, takeover, ready
void add_handback_commands(CLI::App& app);  // handback, handback list|confirm

// What `serve`, `site rebuild --serve` and `spare serve` have in common.
void add_serve_options(CLI::App& command, serve::ServeSettings& settings);

// Subcommands of one word in several files ("site keygen", "site rebuild"): makes the word once.
CLI::App& command_group(CLI::App& app, const std::string& name, const std::string& description);

// Prints the sentence and ends the command with exit code 1 (by CLI::RuntimeError, which run() catches).
[[noreturn]] void refuse(const Error& error);
template <class T>
T or_refuse(Result<T> result) {
  if (!result) refuse(result.error());
  return std::move(*result);
}
inline void or_refuse(Status status) {
  if (!status) refuse(status.error());
}

// The paths of the files in `folder` whose names end so, in the order of their names; refuses a folder that it cannot
// look into.
std::vector<std::string> files_ending_in(const std::string& folder, std::string_view ending);

// One line for people: whose it is, for what, since when, and the fingerprint of its keys.
std::string described(const chain::Certificate& certificate);

// Parses and runs; returns the exit code. Nothing is thrown out of it.
int run(CLI::App& app, int argc, const char* const* argv);

}  // namespace holdfast::cli
