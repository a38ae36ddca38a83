"""ComfyUI workflows: the prompts in them, and a workflow for an image that we made."""

from anima_prompt.interchange.workflow.catalog import catalog_from
from anima_prompt.interchange.workflow.check import check_workflow
from anima_prompt.interchange.workflow.reader import is_workflow, read_workflow
from anima_prompt.interchange.workflow.writer import Workflow, WorkflowError, write_workflow

__all__ = [
    "Workflow",
    "WorkflowError",
    "catalog_from",
    "check_workflow",
    "is_workflow",
    "read_workflow",
    "write_workflow",
]
