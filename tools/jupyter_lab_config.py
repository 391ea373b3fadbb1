# What `make lab` needs JupyterLab to be: local, quiet, and asking nobody for news or updates.
c = get_config()  # noqa: F821
c.ServerApp.ip = "127.0.0.1"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# `make test` brings nbgrader for `make grade`; a learner's JupyterLab stays without its pages.
NBGRADER = ("formgrader", "validate_assignment", "assignment_list", "course_list")
c.ServerApp.jpserver_extensions = {f"nbgrader.server_extensions.{name}": False for name in NBGRADER}
