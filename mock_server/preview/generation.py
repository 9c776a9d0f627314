"""The Preview generation as the value that the engine is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mock_server.contract import document
from mock_server.preview import session_view, uploads
from mock_server.preview.account import Account
from mock_server.preview.explanations import EXPLAINER
from mock_server.preview.language import load_world
from mock_server.preview.operations import HANDLERS, MAGIC_LINKS
from mock_server.preview.readings import DIALECTS
from mock_server.server.app import App, Finished
from mock_server.session.generation import Generation, SignedUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from mock_server.coverage.items import Coverage
    from mock_server.kernel.settings import Settings
    from mock_server.scenarios.catalog import World
    from mock_server.session.exchange import Exchange

NO_IMPORT_PAGE = (
    "At Vern this link opens the import page of the company. The mock has none; PROV-21 lets you ignore it.\n"
)


def _coverage() -> Coverage:
    from mock_server.preview.coverage_items import coverage  # noqa: PLC0415 - read when somebody asks

    return coverage()


async def _put(call: Exchange) -> Response:
    return await uploads.put(call)


async def _show_no_import_page(_: Request) -> PlainTextResponse:
    return PlainTextResponse(NO_IMPORT_PAGE)


PREVIEW = Generation(
    name="preview",
    title="Vern's Preview Migration API",
    first_read="/templates",
    contract=document.load(),
    handlers=HANDLERS,
    load_world=load_world,
    open_account=Account,
    signed=(SignedUrl(uploads.PREFIX, uploads.OPERATION, "upload_ref", "upload_url", uploads.find, _put),),
    pages=(Route(MAGIC_LINKS + "{company_id:path}", _show_no_import_page),),
    ids=("company_id", "run_id", "upload_ref"),
    dialects=DIALECTS,
    explainer=EXPLAINER,
    show=session_view.show,
    is_named=session_view.is_named,
    coverage=_coverage,
)


def create_app(settings: Settings, world: World, log: Callable[[Finished], None] | None = None) -> App:
    """The mock of the Preview API with these settings; `log` is called with each finished exchange."""
    return App(settings, world, PREVIEW, log)
