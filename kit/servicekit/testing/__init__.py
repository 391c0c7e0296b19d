"""What tests of a service need: private real servers, and a guard on queries. The plugin is `plugin`."""
