// holdfast: one program for a site's node, the chain's keys and every tool around them.
#include <CLI/CLI.hpp>

#include "core/node/node.h"
#include "edge/cli/cli.h"

int main(int argc, char** argv) {
  using namespace holdfast;
  CLI::App app("Holdfast keeps a retail chain trading while its computers are under attack, and brings it back clean.",
               "holdfast");
  app.set_version_flag("--version", std::string(node::software_version));
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done; 1 refused or failed, with a sentence on standard error that says what to do;\n"
      "2 the command line is not understood. serve and feed have further ones (docs/operating.md).");
  cli::add_chain_commands(app);
  cli::add_key_commands(app);
  cli::add_recovery_commands(app);
  cli::add_serve_commands(app);
  cli::add_guard_commands(app);
  cli::add_spare_commands(app);
  cli::add_tills_commands(app);
  cli::add_staff_commands(app);
  cli::add_journal_commands(app);
  cli::add_import_commands(app);
  cli::add_demo_command(app);
  cli::add_incident_commands(app);
  cli::add_rejoin_commands(app);
  cli::add_feed_commands(app);
  cli::add_standby_commands(app);
  cli::add_handback_commands(app);
  return cli::run(app, argc, argv);
}
